import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { field } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import {
  createTestSessions,
  FakeEnvironment,
  signedIn,
  type TestSessionsOptions,
} from '../../src/testing/index.ts'
import { Browser, serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'

const data = {
  cart: field(z.array(z.string()), { default: [], carry: true }),
  theme: z.string(),
  n: field(z.number(), { default: 0, carry: true }),
}
const create = (options: Omit<TestSessionsOptions, 'data'> = {}) => createTestSessions({ ...options, data })

describe('login', () => {
  it('P5 ROT-01 ROT-07 gives another cookie; the one before, restored with its whole jar, gives no access', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('theme', 'dark'))
    const before = browser.thief()
    const { setCookies } = await browser.post((session) => session.login('ada', { methods: ['pwd'] }))
    expect(setCookies).toHaveLength(1)
    expect(browser.token).not.toBe(before.token)
    expect((await browser.get((session) => session.userId)).value).toBe('ada')
    const restored = await before.get((session) => [session.userId, session.id, session.get('theme')])
    expect(restored.value).toEqual([null, null, undefined])
  })

  it('ROT-03 moves declared fields only, makes the CSRF token another one, and tells what it left behind', async () => {
    const { sessions, events } = create()
    const browser = new Browser(sessions)
    const before = await browser.get((session) => {
      session.set('cart', ['hat'])
      session.set('theme', 'dark')
    })
    expect(before.status).toBe(200)
    const token = (await browser.get((session) => session.csrfToken())).value
    const { value } = await browser.post(async (session) => {
      session.append('cart', 'coat')
      session.set('theme', 'light')
      await session.login('ada')
      return [session.get('cart'), session.has('theme')]
    })
    expect(value).toEqual([['hat', 'coat'], false])
    expect(events.of('write-dropped')).toMatchObject([{ fields: ['theme'] }])
    expect((await browser.get((session) => session.assertCsrf(token))).error).toMatchObject({
      code: 'ERR_CSRF',
    })
    expect((await browser.get((session) => session.get('cart'))).value).toEqual(['hat', 'coat'])
  })

  it('takes other fields along where it names them, and starts with those that it is given', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => {
      session.set('cart', ['hat'])
      session.set('theme', 'dark')
      session.set('n', 1)
    })
    await browser.post((session) => session.login('ada', { carry: ['theme', 'n'], data: { n: 5 } }))
    const { value } = await browser.get((session) => [
      session.get('cart'),
      session.get('theme'),
      session.get('n'),
    ])
    expect(value).toEqual([[], 'dark', 5])
  })

  it('P5 lets nothing of another user’s session through, and says so', async () => {
    const { sessions, events } = create()
    const ada = await signedIn(sessions, 'ada', { data: { cart: ['hers'] } })
    const browser = new Browser(sessions, { headers: ada.headers })
    const { value } = await browser.post(async (session) => {
      session.append('cart', 'hers too')
      await session.login('bob')
      return session.get('cart')
    })
    expect(value).toEqual([])
    expect(events.of('write-dropped')).toMatchObject([
      { sessionId: ada.sessionId, userId: 'ada', fields: ['cart'] },
    ])
  })

  it('goes on with the new session: what is written after it is the user’s', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.post(async (session) => {
      await session.login('ada')
      session.set('theme', 'dark')
    })
    expect((await browser.get((session) => [session.userId, session.get('theme')])).value).toEqual([
      'ada',
      'dark',
    ])
  })

  it('CON-01 that the limit refuses leaves the visitor’s writes in place, and the handler may go on', async () => {
    const { sessions, events } = create({ maxSessions: { count: 1, onLimit: 'refuse' } })
    await signedIn(sessions, 'ada')
    const browser = new Browser(sessions)
    const { value, status } = await browser.post(async (session) => {
      session.append('cart', 'hat')
      session.set('theme', 'dark')
      const refusal = await session.login('ada').catch((error) => error)
      return [refusal.code, session.userId, session.get('cart')]
    })
    expect([status, value]).toEqual([200, ['ERR_SESSION_LIMIT', null, ['hat']]])
    expect((await browser.get((session) => [session.get('cart'), session.get('theme')])).value).toEqual([
      ['hat'],
      'dark',
    ])
    expect(events.of('write-dropped')).toEqual([])
  })

  it('LIO-07 whose attempt is stale leaves the visitor’s writes in place', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    const attempt = await sessions.beginLogin('ada')
    await sessions.revokeUser('ada')
    const { value } = await browser.post(async (session) => {
      session.append('cart', 'hat')
      return session.login('ada', { attempt }).catch((error) => error.code)
    })
    expect(value).toBe('ERR_LOGIN_STALE')
    expect((await browser.get((session) => session.get('cart'))).value).toEqual(['hat'])
  })

  it('P2 that fails also leaves those in place that were made while it was under way', async () => {
    const { sessions, store, environment } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.set('theme', 'dark'))
    const attempt = await sessions.beginLogin('ada')
    await sessions.revokeUser('ada')
    await browser.post(async (session) => {
      session.append('cart', 'hat')
      const goOn = store.hang('replace', { times: 1 })
      const login = expect(session.login('ada', { attempt })).rejects.toMatchObject({
        code: 'ERR_LOGIN_STALE',
      })
      await environment.settle()
      session.append('cart', 'coat')
      goOn()
      await login
    })
    expect((await browser.get((session) => session.get('cart'))).value).toEqual(['hat', 'coat'])
  })

  it('with wrong fields leaves the visitor’s writes in place', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.post(async (session) => {
      session.append('cart', 'hat')
      const login = session.login('ada', { data: { n: 'one' as unknown as number } })
      await expect(login).rejects.toMatchObject({ code: 'ERR_FIELD_INVALID' })
    })
    expect((await browser.get((session) => [session.userId, session.get('cart')])).value).toEqual([
      null,
      ['hat'],
    ])
  })

  it('P2 P10 whose outcome is unknown takes the writes with it, so that nothing is applied twice', async () => {
    const { sessions, store } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.append('cart', 'hat'))
    store.fail('replace', undefined, { times: 1, applied: true })
    const { value } = await browser.post(async (session) => {
      session.append('cart', 'coat')
      return session.login('ada').catch((error) => error.code)
    })
    expect(value).toBe('ERR_STORE_UNAVAILABLE')
    const [applied] = (await sessions.list('ada')).sessions
    const found = await store.find(applied?.id ?? ('' as never))
    expect(found).toMatchObject({ record: { data: { cart: ['hat', 'coat'] } } })
  })

  it('of two tabs of one browser: both succeed, one jar, one session that it uses', async () => {
    const shared = { store: memory(), environment: new FakeEnvironment() }
    const [one, two] = [create(shared), create(shared)]
    const first = new Browser(one.sessions)
    await first.get((session) => session.append('cart', 'hat'))
    const second = first.at(two.sessions)
    const results = await Promise.all([first.post((s) => s.login('ada')), second.post((s) => s.login('ada'))])
    expect(results.map(({ status }) => status)).toEqual([200, 200])
    expect((await first.get((session) => session.userId)).value).toBe('ada')
    expect((await second.get((session) => session.userId)).value).toBe('ada')
  })

  it('P3 a late response of the visitor’s session does not undo it', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    await browser.get((session) => session.append('cart', 'hat'))
    const late = browser.exchange()
    await browser.post((session) => session.login('ada'))
    const { setCookies } = await serve(sessions, late, (session) => session.set('theme', 'x'))
    expect(setCookies).toEqual([])
    browser.jar.store(setCookies)
    expect((await browser.get((session) => session.userId)).value).toBe('ada')
  })

  it('TRN-01 is refused over plain HTTP, by its reason and before the store is asked', async () => {
    const { sessions, store } = create()
    await sessions.open()
    store.clearCalls()
    const connections = [
      [{ encrypted: false }, 'plain HTTP'],
      [{ encrypted: false, proxy: 'untrusted-headers' as const }, 'does not trust'],
      [{ encrypted: false, proxy: 'trusted' as const }, 'trusted proxy reports'],
    ] as const
    for (const [connection, reason] of connections) {
      const { error, setCookies } = await new Browser(sessions, { connection }).post((session) =>
        session.login('ada'),
      )
      expect(error).toMatchObject({
        code: 'ERR_INSECURE_TRANSPORT',
        message: expect.stringContaining(reason),
      })
      expect(setCookies).toEqual([])
    }
    expect(store.calls).toEqual([])
  })

  it('P11 is possible over plain HTTP where the application says that it is unsafe, under another name', async () => {
    const { sessions, events } = create({ unsafeAllowHttp: true })
    const browser = new Browser(sessions, { connection: { encrypted: false } })
    const { setCookies } = await browser.post((session) => session.login('ada'))
    expect(setCookies).toEqual([expect.stringMatching(/^sid=[\w-]{68}; Path=\/; HttpOnly; SameSite=Lax$/)])
    expect((await browser.get((session) => session.userId)).value).toBe('ada')
    expect(events.of('unsafe-option')).toMatchObject([{ option: 'unsafeAllowHttp' }])
    // What travelled in the clear is no credential over HTTPS.
    const https = new Browser(sessions, { jar: browser.jar })
    expect((await https.get((session) => session.userId)).value).toBeNull()
  })

  it('CK-15 a remembered login is refused by the presets of NIST', async () => {
    const { sessions } = create({ preset: 'nist-aal2', csrf: { mode: 'origin' } })
    const { error } = await new Browser(sessions).post((session) => session.login('ada', { remember: true }))
    expect(error).toMatchObject({ code: 'ERR_USAGE', message: expect.stringContaining('nist-aal2') })
  })

  it('goes by the transport that is asked for, and gives a bearer token out in no header or cookie', async () => {
    const { sessions } = create({ transports: ['cookie', 'bearer'] })
    const { value, exchange, setCookies } = await new Browser(sessions).post((session) =>
      session.login('ada', { transport: 'bearer' }),
    )
    expect(value?.token).toMatch(/^[\w-]{68}$/)
    expect(setCookies).toEqual([])
    expect(exchange.response.get('session-token')).toBeUndefined()
    expect(exchange.response.get('cache-control')).toBe('no-store')
    const headers = { authorization: `Bearer ${value?.token}` }
    const { value: userId } = await serve(
      sessions,
      new FakeExchange({ headers }),
      (session) => session.userId,
    )
    expect(userId).toBe('ada')
    const { error } = await new Browser(create().sessions).post((s) =>
      s.login('ada', { transport: 'bearer' }),
    )
    expect(error).toMatchObject({ code: 'ERR_USAGE' })
  })
})

describe('LIO-05 login CSRF', () => {
  it.each<[string, string, Record<string, string>]>([
    ['POST', 'another site', { 'sec-fetch-site': 'cross-site' }],
    ['GET', 'another site', { 'sec-fetch-site': 'cross-site' }],
    ['POST', 'a sibling host', { 'sec-fetch-site': 'same-site' }],
    ['POST', 'an older browser at another site', { origin: 'https://evil.example' }],
    ['POST', 'a sandboxed frame', { origin: 'null' }],
    ['POST', 'a page that only the referrer names', { referer: 'https://evil.example/x' }],
  ])('a %s caused by %s signs nobody in, with or without a session before', async (method, _, headers) => {
    const { sessions, events } = create()
    const login = new FakeExchange({ method, headers })
    const { status, error, setCookies } = await serve(sessions, login, (session) => session.login('mallory'))
    expect([status, setCookies]).toEqual([403, []])
    expect(error).toMatchObject({ code: 'ERR_CSRF' })
    expect(events.of('csrf-refused')).toMatchObject([{ method }])
    expect((await sessions.list('mallory')).sessions).toEqual([])
  })

  it.each<[string, Record<string, string>]>([
    ['its own page', { 'sec-fetch-site': 'same-origin' }],
    ['a typed address', { 'sec-fetch-site': 'none' }],
    ['an older browser on its own page', { origin: 'https://shop.example' }],
    ['no browser at all', {}],
  ])('a request caused by %s does', async (_, headers) => {
    const { sessions } = create()
    const login = new FakeExchange({ method: 'POST', headers })
    expect((await serve(sessions, login, (session) => session.login('ada'))).status).toBe(200)
  })

  it('a callback of an identity provider does where it is exempt', async () => {
    const { sessions } = create({ csrf: { unsafeExempt: ['/callback'] } })
    const headers = { 'sec-fetch-site': 'cross-site' }
    const callback = new FakeExchange({ url: '/callback?code=1', headers })
    expect((await serve(sessions, callback, (session) => session.login('ada'))).status).toBe(200)
  })

  it('a logout forged by another site signs nobody out', async () => {
    const { sessions } = create()
    const ada = await signedIn(sessions, 'ada')
    const headers = { ...ada.headers, 'sec-fetch-site': 'cross-site' }
    const { status } = await serve(sessions, new FakeExchange({ method: 'POST', headers }), (s) => s.logout())
    expect(status).toBe(403)
    expect(await sessions.find(ada.sessionId)).not.toBeNull()
  })

  it('LIO-06 no visit signs anybody in by itself', async () => {
    const { sessions, events } = create()
    const browser = new Browser(sessions)
    await browser.get()
    await browser.post()
    await browser.get((session) => session.set('theme', 'dark'))
    expect((await browser.get((session) => session.userId)).value).toBeNull()
    expect(events.names).toEqual(['created'])
  })
})
