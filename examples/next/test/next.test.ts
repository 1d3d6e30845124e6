import { createSessions } from 'coatcheck'
import { sqlite } from 'coatcheck/sqlite'
import { signedIn } from 'coatcheck/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InstalledExample } from './installed-example.ts'
import { COOKIE, formOf, items, output, type Page, PlainBrowser, userOf } from './plain-browser.ts'

const ADA = { name: 'ada', password: 'analytical-engine' }
/** What a process answers that a signal has ended. */
const SIGTERM = 128 + 15
const EVIL = 'https://evil.example'

const example = new InstalledExample('plain')
let built: string

beforeAll(async () => {
  const begun = performance.now()
  built = await example.build()
  console.log(`the Next example was built in ${Math.round(performance.now() - begun)} ms`)
  await example.start()
}, 300_000)
afterAll(() => example.dispose())

const browser = () => new PlainBrowser(example.origin)
const add = (who: PlainBrowser, item: string) => who.submit('/', 'item', { item })
const logIn = (who: PlainBrowser, fields: Record<string, string> = {}) =>
  who.submit('/login', 'password', { ...ADA, ...fields })
/** Signed in without a password, whose check takes its time. */
const ada = async () => {
  const who = browser()
  await who.submit('/probe', 'logInAsAda')
  return who
}

interface Seen {
  readonly userId: string | null
  readonly cart?: readonly string[]
  readonly once: boolean
}

describe('the Next example', () => {
  it('compiles against the library as npm has it', async () => {
    expect(await example.checkTypes()).toBe('')
  })

  it('renders every page that reads the session for each request anew', () => {
    for (const path of ['/', '/account', '/api/me', '/probe']) {
      expect(built).toMatch(new RegExp(`ƒ ${path}\\s`))
    }
  })

  it('sets no cookie for somebody who only looks', async () => {
    for (const path of ['/', '/login']) {
      const { status, setCookies } = await browser().open(path)
      expect({ path, status, setCookies }).toEqual({ path, status: 200, setCookies: [] })
    }
  })

  it('CK-01 CK-03 CK-05 CK-14 sets the first cookie with every attribute, by way of Next', async () => {
    const { status, location, setCookies, headers } = await add(browser(), 'scarf')
    expect([status, location, setCookies.length]).toEqual([303, '/', 1])
    const [pair, ...attributes] = setCookies[0]?.split('; ') ?? []
    expect(pair).toMatch(/^__Host-sid=[\w-]{68}$/)
    expect(attributes.map((one) => one.replace(/^Expires=.+/, 'Expires')).sort()).toEqual(
      ['Expires', 'HttpOnly', 'Max-Age=2592000', 'Path=/', 'SameSite=lax', 'Secure'].sort(),
    )
    expect(headers['cache-control']).toContain('no-store')
  })

  it('P5 ROT-01 gives a new token at login, with the redirect, and the one before is nobody', async () => {
    const who = browser()
    await add(who, 'scarf')
    const before = who.copy()
    const answer = await logIn(who)
    expect([answer.status, answer.location, answer.setCookies.length]).toEqual([303, '/', 1])
    expect(who.token).not.toBe(before.token)
    const home = await who.open('/')
    expect([userOf(home), items(home)]).toEqual(['ada', ['scarf']])
    const old = await before.open('/')
    expect([userOf(old), items(old)]).toEqual([null, []])
  })

  it('ROT-01 signs nobody in under a token that an attacker has planted', async () => {
    const attacker = browser()
    await add(attacker, 'bait')
    const victim = attacker.copy()
    await logIn(victim)
    expect(victim.token).not.toBe(attacker.token)
    expect(userOf(await attacker.open('/'))).toBe(null)
    expect((await attacker.open('/account')).location).toBe('/login?return=%2Faccount')
  })

  it('shows a wrong password on the page that the same request answers, without a session', async () => {
    const answer = await logIn(browser(), { password: 'no' })
    expect([answer.status, answer.setCookies]).toEqual([200, []])
    expect(answer.body).toContain('Wrong name or password.')
  })

  it('sends a visitor to the login page and back to where they were', async () => {
    const who = browser()
    expect((await who.open('/account')).location).toBe('/login?return=%2Faccount')
    expect((await who.submit('/login?return=%2Faccount', 'password', ADA)).location).toBe('/account')
    expect(userOf(await who.open('/account'))).toBe('ada')
  })

  it('LIO-10 goes nowhere but to itself after login', async () => {
    for (const target of [`${EVIL}/`, '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
      expect((await logIn(browser(), { return: target })).location).toBe('/')
      expect((await browser().open(`/login?return=${encodeURIComponent(target)}`)).body).toContain(
        'name="return" value="/"',
      )
    }
  })

  it('LIO-01 CK-13 refuses the token after logout, and clears the cookie with its attributes', async () => {
    const who = await ada()
    const before = who.copy()
    const { status, setCookies } = await who.submit('/', 'Log out')
    expect(status).toBe(303)
    expect(setCookies).toEqual([
      `${COOKIE}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Secure; HttpOnly; SameSite=lax`,
    ])
    expect(userOf(await before.open('/'))).toBe(null)
    expect((await before.open('/api/me')).status).toBe(401)
  })

  it('answers scripts from a route handler', async () => {
    const visitor = await browser().open('/api/me')
    expect([visitor.status, visitor.headers['cache-control']]).toEqual([401, 'private'])
    const who = await ada()
    const answer = await who.open('/api/me')
    expect(JSON.parse(answer.body)).toEqual({ userId: 'user-1', cart: [] })
    expect(answer.headers.vary).toMatch(/\bcookie\b/i)
  })

  it('P2 keeps all of 50 items that are added at once', async () => {
    const who = await ada()
    const fields = formOf((await who.open('/')).body, 'item')
    const wanted = Array.from({ length: 50 }, (_, index) => `item ${index}`)
    const answers = await Promise.all(wanted.map((item) => who.copy().post('/', { ...fields, item })))
    expect(answers.filter(({ status }) => status !== 303)).toEqual([])
    expect(items(await who.open('/')).sort()).toEqual(wanted.sort())
  })

  it('P1 brings none of 20 sessions back by writes that race their logout', async () => {
    const revived = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const who = await ada()
        const home = (await who.open('/')).body
        const thief = who.copy()
        const late = (item: string) => thief.copy().post('/', { ...formOf(home, 'item'), item })
        await Promise.all([
          late('1'),
          late('2'),
          who.post('/', formOf(home, 'Log out')),
          late('3'),
          late('4'),
        ])
        await late('5')
        const after = await thief.open('/')
        return userOf(after) !== null || items(after).length > 0
      }),
    )
    expect(revived.filter(Boolean)).toEqual([])
  })

  it('takes a client that coatcheck/testing has signed in over the same database', async () => {
    const store = sqlite(`${example.dataDirectory}/sessions.db`)
    const sessions = createSessions<{ cart?: string[] }>({ store })
    const agent = await signedIn(sessions, 'user-2', { data: { cart: ['compiler'] } })
    await sessions.close()
    const answer = await agent.wrap(fetch)(`${example.origin}/api/me`)
    expect(await answer.json()).toEqual({ userId: 'user-2', cart: ['compiler'] })
  })

  it('keeps sessions over a restart', async () => {
    const who = await ada()
    await add(who, 'umbrella')
    expect(await example.stop()).toMatchObject({ code: SIGTERM })
    await example.start()
    const home = await new PlainBrowser(example.origin, who.jar).open('/')
    expect([userOf(home), items(home)]).toEqual(['ada', ['umbrella']])
  })
})

describe('attacks on the Next example', () => {
  it.each([
    ['that Next sees by its Origin', { origin: EVIL, 'sec-fetch-site': 'cross-site' }],
    ['whose Origin was removed, by Sec-Fetch-Site', { origin: '', 'sec-fetch-site': 'cross-site' }],
    ['from another host of the same site', { origin: '', 'sec-fetch-site': 'same-site' }],
    ['with no evidence of where it comes from', { origin: '', 'sec-fetch-site': '' }],
  ])('CSRF-01 an action of another site is refused, one %s', async (_, from) => {
    const who = await ada()
    const home = (await who.open('/')).body
    const login = formOf((await who.open('/login')).body, 'password')
    const attempts = [
      await who.post('/', { ...formOf(home, 'item'), item: 'bomb' }, from),
      await who.post('/', formOf(home, 'Log out'), from),
      await who.post('/login', { ...login, ...ADA, name: 'grace', password: 'first-compiler' }, from),
    ]
    expect(attempts.map(({ status, setCookies }) => [status, setCookies])).toEqual(
      attempts.map(() => [500, []]),
    )
    const after = await who.open('/')
    expect([userOf(after), items(after)]).toEqual(['ada', []])
  })

  it('LIO-05 lets no other site log a visitor in', async () => {
    const login = formOf((await browser().open('/login')).body, 'password')
    const from = { origin: '', 'sec-fetch-site': 'cross-site' }
    const { status, setCookies } = await browser().post('/login', { ...login, ...ADA }, from)
    expect([status, setCookies]).toEqual([500, []])
  })

  it('CK-11 a tossed cookie beside that of the user changes nothing; two live sessions are refused', async () => {
    const who = await ada()
    const other = browser()
    await add(other, 'bait')
    const tossed = (token: string) => ({ cookie: `${COOKIE}=${token}; ${COOKIE}=${who.token}` })
    const reversed = (token: string) => ({ cookie: `${COOKIE}=${who.token}; ${COOKIE}=${token}` })
    for (const cookies of [tossed('x'), reversed('x'), tossed('A'.repeat(68)), reversed('A'.repeat(68))]) {
      expect(userOf(await browser().open('/', cookies))).toBe('ada')
      expect(JSON.parse((await browser().open('/api/me', cookies)).body).userId).toBe('user-1')
    }
    for (const cookies of [tossed(other.token ?? ''), reversed(other.token ?? '')]) {
      expect(userOf(await browser().open('/', cookies))).toBe(null)
      expect((await browser().open('/api/me', cookies)).status).toBe(400)
    }
  })

  it('TRN-06 no cache may keep a page with a session in it, prefetched or not', async () => {
    const who = await ada()
    const router = { rsc: '1', 'sec-fetch-mode': 'cors', accept: '*/*' }
    const prefetch = { ...router, 'next-router-prefetch': '1', 'sec-purpose': 'prefetch' }
    for (const headers of [{}, router, prefetch]) {
      // The router adds a search parameter that Next makes of these headers, and redirects to where it is missing.
      const { location } = await who.open('/', headers)
      const answer = await who.open(location ?? '/', headers)
      expect([answer.status, answer.setCookies]).toEqual([200, []])
      expect(answer.headers['cache-control']).toMatch(/private.*no-store/)
      expect(answer.headers['x-nextjs-cache']).toBeUndefined()
    }
    expect(userOf(await browser().open('/'))).toBe(null)
  })

  it('a page that is forced to be static shows nobody', async () => {
    const who = await ada()
    expect(output(await who.open('/probe/static'))).toBe(null)
  })

  it('TRN-05 what a client says about a proxy counts only where a proxy is declared', async () => {
    const forwarded = {
      host: 'shop.example',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.7',
      origin: 'https://shop.example',
    }
    const fields = formOf((await browser().open('/')).body, 'item')
    const forged = await browser().post('/', { ...fields, item: 'scarf' }, forwarded)
    expect([forged.status, forged.setCookies]).toEqual([500, []])
    await example.stop()
    await example.start({ TRUST_PROXY: '1' })
    const proxied = await browser().post('/', { ...fields, item: 'scarf' }, forwarded)
    expect([proxied.status, proxied.setCookies.length]).toEqual([303, 1])
    const plain = await browser().post(
      '/',
      { ...fields, item: 'scarf' },
      { ...forwarded, 'x-forwarded-proto': 'http', origin: 'http://shop.example' },
    )
    expect([plain.status, plain.setCookies]).toEqual([500, []])
    await example.stop()
    await example.start()
  })
})

describe('coatcheck/next under Next', () => {
  it('reads a session once in a request, however often components ask', async () => {
    const seen = output<Seen>(await (await ada()).open('/probe'))
    expect(seen).toMatchObject({ userId: 'user-1', once: true })
  })

  it('shows a page that is rendered after an action what the action has left', async () => {
    const who = browser()
    const login = await who.submit('/probe', 'logInAndStay')
    expect([login.status, login.setCookies.length]).toEqual([200, 1])
    expect(output<Seen>(login)).toMatchObject({ userId: 'user-1', cart: ['of user-1'] })
    expect(output<Seen>(await who.open('/probe'))).toMatchObject({ userId: 'user-1', cart: ['of user-1'] })
    const logout = await who.submit('/probe', 'logOutAndStay')
    expect([logout.status, output<Seen>(logout).userId]).toEqual([200, null])
    expect(who.token).toBe(undefined)
  })

  it('commits before what Next throws for pages that do not exist', async () => {
    const who = await ada()
    expect((await who.submit('/probe', 'writeAndMiss')).status).toBe(404)
    expect(output<Seen>(await who.open('/probe')).cart).toEqual(['missed'])
  })

  it('drops what an action wrote before it threw', async () => {
    const who = await ada()
    const answer = await who.submit('/probe', 'writeAndThrow')
    expect([answer.status, answer.setCookies]).toEqual([500, []])
    expect(output<Seen>(await who.open('/probe')).cart).toBe(undefined)
  })

  it('sends the cookie of a login although the action threw after it, and drops what it wrote', async () => {
    const who = browser()
    const answer = await who.submit('/probe', 'logInAndThrow')
    expect([answer.status, answer.setCookies.length]).toEqual([500, 1])
    const seen = output<Seen>(await who.open('/probe'))
    expect([seen.userId, seen.cart]).toEqual(['user-1', undefined])
  })

  it('does in a component nothing that needs a cookie, and makes no session for it', async () => {
    const answer = await browser().open('/probe/component')
    expect(output(answer)).toEqual(['ERR_HEADERS_SENT', 'ERR_HEADERS_SENT', 'ERR_USAGE'])
    expect(answer.setCookies).toEqual([])
  })

  it('sends the cookie with a redirect that a route handler throws, and commits before a notFound', async () => {
    const who = browser()
    const login = await who.open('/probe/route?do=redirect')
    expect([login.status, login.location, login.setCookies.length]).toEqual([307, '/probe', 1])
    expect(login.setCookies[0]).toMatch(/^__Host-sid=[\w-]{68}; .*Secure; HttpOnly; SameSite=lax$/)
    expect((await who.open('/probe/route?do=miss')).status).toBe(404)
    expect((await who.open('/probe/route?do=throw')).status).toBe(500)
    const kept: Page = await who.open('/probe/route')
    expect(JSON.parse(kept.body)).toEqual(['missed'])
  })
})
