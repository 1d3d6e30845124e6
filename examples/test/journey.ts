import { createSessions } from 'coatcheck'
import { sqlite } from 'coatcheck/sqlite'
import { signedIn } from 'coatcheck/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  buildExample,
  checkTypes,
  type ExampleProcess,
  startExample,
  temporaryDirectory,
} from './example-process.ts'
import { Visitor } from './visitor.ts'

const ADA = { name: 'ada', password: 'analytical-engine' }
const SCRIPT = { accept: 'application/json', 'sec-fetch-mode': 'cors' }
const EVIL = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }

/** Where the form that adds to the cart goes, which a framework may have a say in. */
export interface JourneyOptions {
  readonly addPath?: string
  /** Whether the framework generates types, so that the example is compiled under settings of its own. */
  readonly generatesTypes?: boolean
  /** How the framework itself refuses forged forms to its pages, where it does so before the session's check. */
  readonly forgedFormStatus?: number
}

/**
 * The same journey through the same little application on every framework: built and started as a user would, and
 * spoken to over HTTP.
 */
export function describeExample(
  name: string,
  { addPath = '/cart', generatesTypes = false, forgedFormStatus = 403 }: JourneyOptions = {},
): void {
  const data = temporaryDirectory()
  let example: ExampleProcess

  const visitor = (token?: string) => new Visitor(example.origin, token)
  const add = (who: Visitor, item: string, headers?: Record<string, string>) =>
    who.post(addPath, { item }, headers)
  const ada = async () => {
    const who = visitor()
    await who.post('/login', ADA)
    return who
  }

  beforeAll(async () => {
    await buildExample(name)
    example = await startExample(name, data.path)
  }, 120_000)
  afterAll(async () => {
    await example?.stop()
    data.dispose()
  })

  describe(`the ${name} example`, () => {
    if (generatesTypes) {
      it('compiles under the types that its framework generates', async () => {
        expect(await checkTypes(name)).toBe('')
      })
    }

    it('sets no cookie for somebody who only looks', async () => {
      for (const path of ['/', '/login']) {
        const { status, setCookies } = await visitor().get(path)
        expect({ path, status, setCookies }).toEqual({ path, status: 200, setCookies: [] })
      }
    })

    it('TRN-06 lets no shared cache keep what depends on the session', async () => {
      const looked = await visitor().get('/')
      expect(looked.headers['cache-control']).toMatch(/\b(private|no-store)\b/)
      expect(looked.headers.vary).toMatch(/\bcookie\b/i)
      const added = await add(visitor(), 'scarf')
      expect(added.headers['cache-control']).toContain('no-store')
    })

    it('gives the first cookie with the first item, and shows the item as text', async () => {
      const who = visitor()
      const { status, location, setCookies } = await add(who, '<b>hat</b>')
      expect([status, location]).toEqual([303, '/'])
      expect(setCookies).toEqual([
        expect.stringMatching(/^__Host-sid=[\w-]{68}; .*Secure; HttpOnly; SameSite=Lax/),
      ])
      const { body } = await who.get('/')
      expect(items(body)).toHaveLength(1)
      expect(body).not.toContain('<b>')
    })

    it('P5 gives a new token at login, carries the cart, and the old token is dead', async () => {
      const who = visitor()
      await add(who, 'scarf')
      const before = who.token
      const login = await who.post('/login', ADA)
      expect([login.status, login.location]).toEqual([303, '/'])
      expect(who.token).not.toBe(before)
      const home = (await who.get('/')).body
      expect(home).toContain('as ada')
      expect(items(home)).toEqual(['scarf'])
      expect(items((await visitor(before).get('/')).body)).toEqual([])
    })

    it('answers a wrong password with 401 and no session', async () => {
      const { status, setCookies } = await visitor().post('/login', { ...ADA, password: 'no' })
      expect([status, setCookies]).toEqual([401, []])
    })

    it('sends a browser to the login page and back to where it was', async () => {
      const who = visitor()
      const guarded = await who.get('/account')
      expect([guarded.status, guarded.location]).toEqual([303, '/login?return=%2Faccount'])
      expect((await who.get('/login?return=%2Faccount')).body).toContain('value="/account"')
      expect((await who.post('/login', { ...ADA, return: '/account' })).location).toBe('/account')
      expect((await who.get('/account')).body).toContain('Only ada')
    })

    it('LIO-10 goes nowhere but to itself after login', async () => {
      for (const target of [
        'https://evil.example/',
        '//evil.example',
        '/\\evil.example',
        'javascript:alert(1)',
      ]) {
        expect((await visitor().post('/login', { ...ADA, return: target })).location).toBe('/')
      }
      expect((await visitor().get('/login?return=//evil.example')).body).toContain('value="/"')
    })

    it('answers a script with JSON: 401 to a visitor, the data to a user', async () => {
      const refused = await visitor().get('/api/me', SCRIPT)
      expect([refused.status, refused.location]).toEqual([401, null])
      expect(refused.headers['content-type']).toMatch(/^application\/(problem\+)?json/)
      const who = await ada()
      const answered = await who.get('/api/me', SCRIPT)
      expect(answered.headers['cache-control']).toMatch(/\b(private|no-store)\b/)
      expect(JSON.parse(answered.body)).toEqual({ userId: 'user-1', cart: [] })
    })

    it('P2 keeps all of 20 items that are added at once', async () => {
      const who = await ada()
      const wanted = Array.from({ length: 20 }, (_, index) => `item ${index}`)
      await Promise.all(wanted.map((item) => add(who, item)))
      expect(items((await who.get('/')).body).sort()).toEqual(wanted.sort())
    })

    it('LIO-01 refuses the old token after logout, and clears the cookie', async () => {
      const who = await ada()
      const { token } = who
      const { status, location, setCookies } = await who.post('/logout')
      expect([status, location]).toEqual([303, '/'])
      expect(setCookies).toEqual([
        expect.stringMatching(/^__Host-sid=; .*(Max-Age=0|Expires=Thu, 01 Jan 1970)/),
      ])
      expect((await visitor(token).get('/api/me', SCRIPT)).status).toBe(401)
      expect((await visitor(token).get('/account')).location).toBe('/login?return=%2Faccount')
    })

    it('P1 does not bring a session back by writes that race its logout', async () => {
      const who = await ada()
      const { token } = who
      const adds = Array.from({ length: 10 }, (_, index) => add(visitor(token), `late ${index}`))
      await Promise.all([...adds.slice(0, 5), who.post('/logout'), ...adds.slice(5)])
      await add(visitor(token), 'later')
      const { body } = await visitor(token).get('/')
      expect(body).not.toContain('as ada')
      expect(items(body)).toEqual([])
    })

    it('CSRF-01 refuses what another site sends with the cookie, by either header', async () => {
      const who = await ada()
      for (const from of [EVIL, { origin: EVIL.origin, 'sec-fetch-site': '' }]) {
        for (const path of [addPath, '/logout', '/login']) {
          const { status, setCookies } = await who.post(path, { ...ADA, item: 'bomb' }, from)
          const refused = path === '/login' ? forgedFormStatus : 403
          expect({ path, status, setCookies }).toEqual({ path, status: refused, setCookies: [] })
        }
      }
      const { body } = await who.get('/')
      expect(body).toContain('as ada')
      expect(items(body)).toEqual([])
    })

    it('LIO-05 lets no other site log a visitor in', async () => {
      const { status, setCookies } = await visitor().post('/login', ADA, EVIL)
      expect([status, setCookies]).toEqual([forgedFormStatus, []])
    })

    it('takes a cookie that nobody issued for none', async () => {
      for (const garbage of ['x', 'A'.repeat(68), '%00%ff', '"quoted"']) {
        const who = visitor(garbage)
        expect((await who.get('/')).status).toBe(200)
        expect((await add(who, 'scarf')).status).toBe(303)
        expect(who.token).not.toBe(garbage)
        expect(items((await who.get('/')).body)).toEqual(['scarf'])
      }
    })

    it('takes a client that was signed in by coatcheck/testing over the same database', async () => {
      const sessions = createSessions<{ cart?: string[] }>({ store: sqlite(`${data.path}/sessions.db`) })
      const agent = await signedIn(sessions, 'user-2', { data: { cart: ['compiler'] } })
      await sessions.close()
      const answer = await agent.wrap(fetch)(`${example.origin}/api/me`)
      expect(await answer.json()).toEqual({ userId: 'user-2', cart: ['compiler'] })
    })

    it('keeps sessions over a restart, and ends cleanly when it is told to', async () => {
      const who = await ada()
      await add(who, 'umbrella')
      expect(await example.stop()).toMatchObject({ code: 0 })
      example = await startExample(name, data.path)
      const { body } = await visitor(who.token).get('/')
      expect(body).toContain('as ada')
      expect(items(body)).toEqual(['umbrella'])
    })
  })
}

/** What the page shows in the cart. */
function items(body: string): string[] {
  return [...body.matchAll(/<li>(.*?)<\/li>/gs)].map(([, text = '']) => text)
}
