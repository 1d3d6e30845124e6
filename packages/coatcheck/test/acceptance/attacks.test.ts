import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assertNoTokens } from '../../src/testing/index.ts'
import { Client, cookieHeader } from './client.ts'
import { type Site, startSite } from './express-over-sqlite.ts'

let site: Site

afterEach(async () => {
  assertNoTokens(site.log)
  await site.close()
})

describe.each([{ nearCache: true }, { nearCache: false }])(
  'an attacker over HTTP, with $nearCache for nearCache,',
  (options) => {
    beforeEach(async () => {
      site = await startSite(options)
    })

    it('P5 ROT-01 who knows the cookie before login has nothing after it (fixation)', async () => {
      const victim = new Client(site)
      await victim.post('/cart/bait')
      const known = victim.token
      await victim.post('/login', { user: 'ada' })
      const attacker = new Client(site, known)
      expect(await attacker.me()).toMatchObject({ userId: null, cart: [] })
      const late = await attacker.post('/cart/poison')
      expect(late.newToken).toBeNull()
      expect(await victim.me()).toMatchObject({ userId: 'ada', cart: ['bait'] })
    })

    it('P5 ROT-07 who puts the whole earlier jar back after login gets no access (forced cookies)', async () => {
      const victim = new Client(site)
      await victim.post('/login', { user: 'ada' })
      const first = victim.token
      await victim.post('/login', { user: 'ada' })
      expect(await new Client(site, first).me()).toMatchObject({ userId: null })
      expect(await victim.me()).toMatchObject({ userId: 'ada' })
    })

    it('P5 ROT-03 moves nothing but declared fields through a login', async () => {
      const victim = new Client(site)
      await victim.post('/data', { secretPlan: 'take over the shop', theme: 'dark' })
      await victim.post('/cart/peg')
      await victim.post('/login', { user: 'ada' })
      expect(await victim.me()).toMatchObject({ userId: 'ada', cart: ['peg'], theme: null })
    })

    it('ROT-04 TOK-07 presents garbage, oversize and forged tokens, and the store is not asked once', async () => {
      const owner = new Client(site)
      await owner.post('/login', { user: 'ada' })
      const good = owner.token ?? ''
      const flipped = `${good.slice(0, 66)}${good[66] === 'A' ? 'B' : 'A'}${good[67]}`
      const presented = [
        '',
        'A',
        'A'.repeat(68),
        'x'.repeat(5_000),
        flipped,
        good.toLowerCase(),
        good.slice(0, 67),
        `${good}A`,
        `%00${good.slice(3)}`,
        '__proto__',
        "' OR 1=1 --",
        '{"$ne":null}',
      ]
      const before = site.store.calls.length
      const answers = await Promise.all(presented.map((token) => new Client(site, token).get('/me')))
      expect(answers.map(({ status }) => status)).toEqual(presented.map(() => 200))
      expect(answers.map(({ body }) => JSON.parse(body).userId)).toEqual(presented.map(() => null))
      expect(site.store.calls.length).toBe(before)
    })

    it('AUD-05 cannot tell unknown, ended, forged and malformed tokens apart', async () => {
      const ended = new Client(site)
      await ended.post('/login', { user: 'ada' })
      const dead = ended.token
      await ended.post('/logout')
      site.environment.advance(120_000)
      const answers = await Promise.all(
        [dead, 'A'.repeat(68), 'garbage'].map((token) => new Client(site, token).get('/me')),
      )
      const [first, ...others] = answers.map(({ status, body, newToken, headers }) => ({
        status,
        body,
        newToken,
        cache: headers.get('cache-control'),
        vary: headers.get('vary'),
      }))
      for (const other of others) expect(other).toEqual(first)
    })

    it('CK-11 tosses a second cookie of the name: neither of two live sessions is used', async () => {
      const ada = new Client(site)
      await ada.post('/login', { user: 'ada' })
      const eve = new Client(site)
      await eve.post('/login', { user: 'eve' })
      const [good, evil] = [ada.token ?? '', eve.token ?? '']
      for (const cookie of [
        `${cookieHeader(good)}; ${cookieHeader(evil)}`,
        `${cookieHeader(evil)}; ${cookieHeader(good)}`,
      ]) {
        const response = await fetch(`${site.origin}/me`, { headers: { cookie } })
        expect(response.status).toBe(400)
        expect(await response.text()).not.toContain('eve')
      }
      const besideGarbage = `${cookieHeader('garbage')}; ${cookieHeader(good)}`
      const response = await fetch(`${site.origin}/me`, { headers: { cookie: besideGarbage } })
      expect(await response.json()).toMatchObject({ userId: 'ada' })
    })

    it('CSRF-01 posts from another site: refused before any handler, nothing stored', async () => {
      const victim = new Client(site)
      await victim.post('/login', { user: 'ada' })
      const writes = countWrites()
      for (const headers of FOREIGN_SOURCES) {
        const answer = await victim.post('/cart/forged', {}, headers)
        expect(answer.status).toBe(403)
      }
      expect(countWrites()).toBe(writes)
      expect((await victim.me()).cart).toEqual([])
      expect(site.events.filter(({ name }) => name === 'csrf-refused')).toHaveLength(FOREIGN_SOURCES.length)
    })

    it('LIO-05 signs a victim in to another account from another site: refused, no cookie', async () => {
      const visitor = new Client(site)
      for (const headers of FOREIGN_SOURCES) {
        const answer = await visitor.post('/login', { user: 'eve' }, headers)
        expect(answer.status).toBe(403)
        expect(answer.newToken).toBeNull()
      }
      expect(await site.sessions.list('eve')).toMatchObject({ sessions: [] })
    })

    it('LIO-05 lets a visitor without the cookie write from another site: refused, so no new cookie pushes out the real one', async () => {
      for (const headers of FOREIGN_SOURCES) {
        const answer = await new Client(site).post('/cart/forged', {}, headers)
        expect(answer.status).toBe(403)
        expect(answer.newToken).toBeNull()
      }
      expect(countWrites()).toBe(0)
    })

    it('LIO-05 logs out by GET, or by a POST from another site: still signed in', async () => {
      const victim = new Client(site)
      await victim.post('/login', { user: 'ada' })
      expect((await victim.get('/logout')).status).toBe(404)
      expect((await victim.get('/logout-by-link', { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
      expect((await victim.post('/logout', {}, { origin: 'https://evil.example' })).status).toBe(403)
      expect(await victim.me()).toMatchObject({ userId: 'ada' })
    })

    it('TRN-03 puts a token into the URL: never used, and reported', async () => {
      const owner = new Client(site)
      await owner.post('/login', { user: 'ada' })
      for (const path of [
        `/me?sid=${owner.token}`,
        `/me?access_token=${owner.token}`,
        `/me;jsessionid=${owner.token}`,
      ]) {
        const { body } = await new Client(site).get(path)
        expect(body).not.toContain('ada')
      }
      expect(site.events.filter(({ name }) => name === 'token-in-url')).toHaveLength(3)
    })

    it('TRN-03 sends the token where it does not belong: bearer, another cookie, another header', async () => {
      const owner = new Client(site)
      await owner.post('/login', { user: 'ada' })
      const token = owner.token ?? ''
      for (const headers of [
        { authorization: `Bearer ${token}` },
        { 'x-api-key': token },
        { 'x-session': token },
        { cookie: `sid=${token}` },
        { cookie: `__HOST-sid=${token}` },
        { cookie: `__Secure-sid=${token}` },
      ]) {
        expect(await new Client(site).me(headers)).toMatchObject({ userId: null })
      }
    })

    it('P4 ROT-06 replays a rotated token after settling: reported with both contexts, and the session ends', async () => {
      const owner = new Client(site)
      await owner.post('/login', { user: 'ada' }, { 'user-agent': FIREFOX })
      const stolen = owner.token
      site.environment.advance(15 * 60_000)
      await owner.get('/me', { 'user-agent': FIREFOX })
      expect(owner.token).not.toBe(stolen)
      site.environment.advance(90_000)
      await owner.get('/me', { 'user-agent': FIREFOX })
      await site.sessions.flush()
      expect(await new Client(site, stolen).me({ 'user-agent': 'thief/1.0' })).toMatchObject({ userId: null })
      expect(await owner.me()).toMatchObject({ userId: null })
      expect(site.events.find(({ name }) => name === 'reused')).toMatchObject({
        cause: 'settled',
        userId: 'ada',
        previousContext: expect.stringContaining('Firefox'),
        context: { userAgent: 'thief/1.0' },
      })
      expect(site.events.find((event) => event.name === 'ended' && event.reason === 'reuse')).toBeDefined()
    })

    it('STO-08 writes userId and other words through data: refused or plain data, never an identity', async () => {
      const visitor = new Client(site)
      for (const name of ['userId', 'constructor', 'id', 'authentication']) {
        expect((await visitor.post('/data', { [name]: 'admin' })).status).toBe(500)
      }
      await visitor.request('POST', '/data', new URLSearchParams('__proto__[userId]=admin&__proto__=admin'), {
        origin: site.origin,
      })
      expect(await visitor.me()).toEqual({ id: null, userId: null, cart: [], theme: null })
    })

    it('LIO-10 asks to be sent elsewhere after login: only paths of this site are followed', async () => {
      for (const to of [
        '//evil.example',
        '/\\evil.example',
        'https:evil.example',
        'https://evil.example/',
        '/%09/evil',
        '\thttps://evil.example',
        '/a\r\nx: y',
      ]) {
        const { headers } = await new Client(site).post('/login', { user: 'ada', to })
        const location = new URL(headers.get('location') ?? '', site.origin)
        expect(location.origin).toBe(site.origin)
      }
    })

    it('CK-09 AUD-03 injects headers and log lines through cookie and user agent: nothing of it comes back', async () => {
      const answer = await raw(
        `GET /me HTTP/1.1\r\nHost: ${new URL(site.origin).host}\r\nCookie: __Host-sid=x%0d%0aSet-Cookie: evil=1; theme="\\"\r\nUser-Agent: a\tred<script>"}\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 200/)
      expect(answer).not.toContain('evil=1')
      for (const line of site.log) expect(line).not.toMatch(CONTROL)
    })

    it('CK-18 sends 15 kB of cookies, and more than the server reads: refused cheaply, no cookie set', async () => {
      const before = site.store.calls.length
      const within = await fetch(`${site.origin}/me`, { headers: { cookie: `a=${'x'.repeat(15_000)}` } })
      expect(within.status).toBe(200)
      const beyond = await fetch(`${site.origin}/me`, { headers: { cookie: `a=${'x'.repeat(20_000)}` } })
      expect(beyond.status).toBe(431)
      expect(site.store.calls.length).toBe(before)
    })

    it('HDR-07 P10 meets a store that is down: 503, no cookie, no stack, and the session is there afterwards', async () => {
      const owner = new Client(site)
      await owner.post('/login', { user: 'ada' })
      site.store.fail('find')
      const answer = await owner.get('/me')
      site.store.heal()
      expect(answer.status).toBe(503)
      expect(answer.newToken).toBeNull()
      expect(answer.body).not.toMatch(/at .*\.ts|sqlite|ada/i)
      expect(await owner.me()).toMatchObject({ userId: 'ada' })
    })
  },
)

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/

const FOREIGN_SOURCES: readonly Record<string, string>[] = [
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { origin: '', referer: 'https://evil.example/page' },
]

const WRITES = new Set(['create', 'mutate', 'replace', 'end', 'rotate', 'endUser'])

function countWrites(): number {
  return site.store.calls.filter(({ method }) => WRITES.has(method)).length
}

/** Sends bytes as they are and reads until the server closes the connection. */
function raw(request: string): Promise<string> {
  const { hostname, port } = new URL(site.origin)
  const socket = connect(Number(port), hostname)
  socket.end(request)
  return text(socket)
}
