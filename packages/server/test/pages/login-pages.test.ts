import { performance } from 'node:perf_hooks'
import { describe, expect, it } from 'vitest'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'

describe('the login page', () => {
  it('signs in, shows where somebody is signed in, and signs out', async () => {
    const { visitor } = await openPages()
    expect((await visitor.get('/account')).location).toBe('/login?return_to=%2Faccount')
    expect((await visitor.login('ada', PASSWORD)).location).toBe('/account')
    const account = await visitor.get('/account')
    expect(account.status).toBe(200)
    expect(account.text).toContain('This device')
    expect((await visitor.submit('/logout', {})).location).toBe('/logout')
    expect((await visitor.get('/account')).status).toBe(303)
  })

  it('LIO-05 neither signs in nor out by GET, nor for pages of other sites', async () => {
    const { visitor } = await openPages()
    await visitor.get(`/login?name=ada&password=${encodeURIComponent(PASSWORD)}`)
    expect((await visitor.get('/account')).status).toBe(303)
    const foreign: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': '', origin: 'https://evil.example' },
      { 'sec-fetch-site': '', origin: 'null' },
      { 'sec-fetch-site': '' },
    ]
    for (const headers of foreign) {
      expect((await visitor.post('/login', { name: 'ada', password: PASSWORD }, headers)).status).toBe(403)
    }
    await visitor.login('ada', PASSWORD)
    await visitor.get('/logout')
    for (const headers of foreign) expect((await visitor.post('/logout', {}, headers)).status).toBe(403)
    expect((await visitor.get('/account')).status).toBe(200)
  })

  it('P5 gives a new token to who signs in with a token that somebody else may know', async () => {
    const { visitor, authority, publicAddress } = await openPages()
    const attacker = new PageVisitor(publicAddress)
    await authority.accounts.create({ name: 'mallory', password: PASSWORD })
    await attacker.login('mallory', PASSWORD)
    visitor.jar = attacker.jar.copy()
    await visitor.login('ada', PASSWORD)
    expect((await attacker.get('/account')).status).toBe(303)
    expect((await visitor.get('/account')).text).toContain('Ada')
    visitor.jar.set('__Host-sid', 'made-up')
    expect((await visitor.get('/account')).status).toBe(303)
  })

  it('LIO-10 returns to paths of this origin and to hosts that are allowed, and nowhere else', async () => {
    const { visitor } = await openPages({ hosts: 'http://app.localhost:8080' })
    const allowed = ['/account/api-keys?x=1#y', 'http://app.localhost:8080/a?b=c', 'http://localhost:4000/z']
    for (const target of allowed) {
      expect((await visitor.login('ada', PASSWORD, { return_to: target })).location).toBe(target)
    }
    for (const target of EVIL_TARGETS) {
      expect([target, (await visitor.login('ada', PASSWORD, { return_to: target })).location]).toEqual([
        target,
        '/account',
      ])
      const away = await visitor.get(`/login?return_to=${encodeURIComponent(target)}`)
      expect([target, away.location]).toEqual([target, '/account'])
    }
  })

  it('says the same of wrong names and wrong passwords', async () => {
    const { visitor } = await openPages()
    const known = await visitor.login('ada', 'wrong password')
    const unknown = await visitor.login('eve', 'wrong password')
    expect([known.status, unknown.status]).toEqual([401, 401])
    expect(known.text.replaceAll('ada', 'eve').replaceAll(/nonce="[^"]*"/g, '')).toBe(
      unknown.text.replaceAll(/nonce="[^"]*"/g, ''),
    )
    const names = (headers: Headers) => [...headers.keys()].filter((name) => name !== 'date').sort()
    expect(names(known.headers)).toEqual(names(unknown.headers))
  })

  it('takes as long for names that nobody has', async () => {
    const { authority, environment } = await openPages()
    const time = async (name: string, address: string) => {
      const start = performance.now()
      await authority.accounts.verify({ name, password: 'wrong password', address, device: null })
      return performance.now() - start
    }
    await time('ada', '192.0.2.1')
    const known: number[] = []
    const unknown: number[] = []
    for (let n = 0; n < 15; n++) {
      known.push(await time('ada', `192.0.${n}.2`))
      unknown.push(await time('eve', `192.0.${n}.3`))
      environment.advance(3_600_000)
    }
    // The quickest of each: whatever else the machine does only adds to it.
    const ratio = Math.min(...known) / Math.min(...unknown)
    expect(ratio).toBeGreaterThan(0.5)
    expect(ratio).toBeLessThan(2)
  })

  it('tells to wait with 429, and lets a remembered browser in meanwhile', async () => {
    const { visitor, publicAddress } = await openPages()
    await visitor.login('ada', PASSWORD)
    expect(visitor.jar.get('__Host-device')).toMatch(/^[\w-]{32}$/)
    await visitor.submit('/logout', {})
    const attacker = new PageVisitor(publicAddress)
    const statuses: number[] = []
    for (let n = 0; n < 7; n++) statuses.push((await attacker.login('ada', 'wrong password')).status)
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429])
    expect((await attacker.login('ada', PASSWORD)).headers.get('retry-after')).toMatch(/^[1-9]\d{0,2}$/)
    expect((await visitor.login('ada', PASSWORD)).status).toBe(303)
  })

  it('refuses a megabyte, whatever it says it is', async () => {
    const { visitor, publicAddress } = await openPages()
    expect((await visitor.login('ada', 'x'.repeat(1_048_576))).status).toBe(413)
    const long = await visitor.login('ada', 'x'.repeat(60_000))
    expect(long.status).toBe(401)
    const json = await fetch(`${publicAddress}/login`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
      body: JSON.stringify({ name: 'ada', password: PASSWORD }),
    })
    expect(json.status).toBe(401)
  })

  it('remembers somebody only who asks for it', async () => {
    const { visitor, authority, ada } = await openPages()
    const plain = await visitor.login('ada', PASSWORD)
    expect(sessionCookie(plain.headers)).not.toMatch(/max-age/i)
    const remembered = await visitor.login('ada', PASSWORD, { remember: '1' })
    expect(sessionCookie(remembered.headers)).toMatch(/max-age/i)
    const [session] = (await authority.sessions.list(ada.id)).sessions
    expect(session).toMatchObject({
      lifetime: 'remembered',
      authentication: { methods: ['pwd'], level: 'aal1' },
    })
  })

  it('asks for the password again within a session, and takes nobody else for its user', async () => {
    const { visitor, authority, environment, ada } = await openPages()
    await authority.accounts.create({ name: 'mallory', password: 'malicious horse!' })
    await visitor.login('ada', PASSWORD)
    environment.advance(20 * 60_000)
    const again = '/login?reauthenticate=1&return_to=/account&fresh=300s'
    expect((await visitor.get(again)).text).toContain('signed in as Ada')
    const wrong = await visitor.post('/login', { again: '1', name: 'mallory', password: 'malicious horse!' })
    expect(wrong.status).toBe(401)
    expect((await visitor.submit(again, { password: PASSWORD }, '/login')).location).toBe('/account')
    const [session] = (await authority.sessions.list(ada.id)).sessions
    expect(session?.authenticatedAt).toBe(environment.now())
  })
})

const EVIL_TARGETS = [
  '//evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  'https:evil.example',
  'https://evil.example/',
  '/%09/evil.example',
  '/\t/evil.example',
  '/%2f/evil.example',
  '/.//evil.example',
  '/a\r\nset-cookie: a=b',
  'javascript:alert(1)',
  'data:text/html,x',
  'http://app.localhost:8080.evil.example/',
  'http://app.localhost:80801/',
  'http://app.localhost:8080@evil.example/',
  'http://app.localhost:8080\\@evil.example/',
  'http://app.localhost:8080//evil.example',
  'http://user@app.localhost:8080/',
  'HTTP://APP.localhost:8080/',
  'http://localhost:4000.evil.example',
  'http://localhost:40000/',
  '',
  ' /account',
  'account',
  `/${'a'.repeat(3_000)}`,
]

function sessionCookie(headers: Headers): string {
  return headers.getSetCookie().find((cookie) => cookie.startsWith('__Host-sid=')) ?? ''
}
