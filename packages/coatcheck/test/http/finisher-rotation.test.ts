import { describe, expect, it } from 'vitest'
import { createTestSessions, signedIn, type TestSessionsOptions } from '../../src/testing/index.ts'
import { Browser, serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'
import { MINUTE, SECOND } from '../helpers/nodes.ts'

interface Fields {
  a: number
}
const create = (options: Omit<TestSessionsOptions, 'data'> = {}) => createTestSessions<Fields>(options)

describe('the rotation of a cookie', () => {
  it('ROT-05 goes out with whatever response is next, and the user stays signed in', async () => {
    const { sessions, environment } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    const before = browser.token
    environment.advance(15 * MINUTE)
    const { setCookies, exchange } = await browser.get()
    expect(setCookies).toEqual([
      expect.stringMatching(/^__Host-sid=[\w-]{68}; Path=\/; Secure; HttpOnly; SameSite=Lax$/),
    ])
    expect(exchange.response.get('cache-control')).toBe('no-store')
    expect(browser.token).not.toBe(before)
    expect((await browser.get((session) => session.userId)).value).toBe('ada')
  })

  it('P3 ROT-05 of a hundred parallel requests gives one successor, and lost responses change nothing', async () => {
    const { sessions, environment, events } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    environment.advance(15 * MINUTE)
    const visits = await Promise.all(
      Array.from({ length: 100 }, () => browser.get((s) => s.userId, { lost: true })),
    )
    expect(new Set(visits.map(({ value }) => value))).toEqual(new Set(['ada']))
    expect(new Set(visits.flatMap(({ setCookies }) => setCookies)).size).toBe(1)
    expect(events.of('rotated')).toHaveLength(1)
    environment.advance(10 * MINUTE)
    const late = await browser.get((session) => session.userId)
    expect(late.value).toBe('ada')
    expect(late.setCookies).toEqual(visits[0]?.setCookies)
    expect((await browser.get((session) => session.userId)).value).toBe('ada')
  })

  it('P4 ROT-06 a copy that comes after the rotation has settled ends the session for both', async () => {
    const { sessions, environment, events } = create()
    const browser = new Browser(sessions, { headers: { 'user-agent': 'Firefox/1 (Windows)' } })
    await browser.post((session) => session.login('ada'))
    const thief = browser.thief({ headers: { 'user-agent': 'curl/8' } })
    environment.advance(15 * MINUTE)
    await browser.get()
    environment.advance(2 * MINUTE)
    await browser.get()
    await sessions.flush()
    const stolen = await thief.get((session) => session.userId)
    expect(stolen.value).toBeNull()
    expect(stolen.setCookies).toEqual([expect.stringContaining('Max-Age=0')])
    expect(events.of('reused')).toMatchObject([
      {
        cause: 'settled',
        userId: 'ada',
        context: { label: 'curl' },
        previousContext: 'Firefox on Windows, 203.0.113.0/24',
      },
    ])
    expect((await browser.get((session) => session.userId)).value).toBeNull()
  })

  it('P10 that the store fails is no trouble for the request: it goes on with its token', async () => {
    const { sessions, environment, store } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    environment.advance(15 * MINUTE)
    store.fail('rotate', undefined, { times: 1 })
    const { status, value, setCookies } = await browser.get((session) => session.userId)
    expect([status, value, setCookies]).toEqual([200, 'ada', []])
    expect((await browser.get()).setCookies).toHaveLength(1)
  })

  it('happens though the handler throws, and though the commit fails', async () => {
    const { sessions, environment, store } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    environment.advance(15 * MINUTE)
    const { setCookies } = await browser.get(
      () => {
        throw new Error('mine')
      },
      { lost: true },
    )
    expect(setCookies).toHaveLength(1)
    store.fail('mutate', undefined, { times: 1 })
    const failed = await browser.get((session) => session.set('a', 1))
    expect([failed.status, failed.setCookies]).toEqual([503, setCookies])
  })

  it('gives way to a login or logout of the same response', async () => {
    const { sessions, environment, store } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    environment.advance(15 * MINUTE)
    await browser.post((session) => session.reauthenticate())
    await browser.post((session) => session.logout())
    expect(store.calls.map(({ method }) => method)).not.toContain('rotate')
  })

  it('does not touch a response whose headers have left', async () => {
    const { sessions, environment, store } = create()
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    environment.advance(15 * MINUTE)
    const { setCookies } = await browser.get((_, exchange) => {
      exchange.response.sent = true
    })
    expect(setCookies).toEqual([])
    expect(store.calls.map(({ method }) => method)).not.toContain('rotate')
  })

  it('P1 sends nothing where the session ended while the request ran', async () => {
    const { sessions, environment } = create()
    const ada = await signedIn(sessions, 'ada')
    environment.advance(15 * MINUTE)
    const { setCookies, status } = await serve(
      sessions,
      new FakeExchange({ headers: ada.headers }),
      async () => {
        await sessions.revokeUser('ada')
      },
    )
    expect([status, setCookies]).toEqual([200, []])
  })
})

describe('bearer tokens', () => {
  it('rotate for clients that ask for it, into a header that no cache may keep', async () => {
    const { sessions, environment } = create({ transports: ['bearer'] })
    const agent = await signedIn(sessions, 'ada')
    environment.advance(15 * MINUTE)
    const silent = await serve(sessions, new FakeExchange({ headers: agent.headers }), (s) => s.userId)
    expect(silent.exchange.response.get('session-token')).toBeUndefined()
    const headers = { ...agent.headers, 'session-rotation': 'accept' }
    const { exchange, setCookies } = await serve(sessions, new FakeExchange({ headers }), (s) => s.userId)
    const successor = exchange.response.get('session-token')
    expect(successor).toMatch(/^[\w-]{68}$/)
    expect(exchange.response.get('cache-control')).toBe('no-store')
    expect(setCookies).toEqual([])
    const next = new FakeExchange({ headers: { authorization: `Bearer ${successor}` } })
    expect((await serve(sessions, next, (s) => s.userId)).value).toBe('ada')
  })

  it('of a visitor’s first write come in that header, whether the client asked or not: there is no other way', async () => {
    const { sessions } = create({ transports: ['bearer'] })
    const { exchange, setCookies } = await serve(sessions, new FakeExchange(), (session) =>
      session.set('a', 1),
    )
    const token = exchange.response.get('session-token')
    expect(token).toMatch(/^[\w-]{68}$/)
    expect(setCookies).toEqual([])
    expect(exchange.response.get('cache-control')).toBe('no-store')
    const next = new FakeExchange({ headers: { authorization: `Bearer ${token}` } })
    expect((await serve(sessions, next, (session) => session.get('a'))).value).toBe(1)
  })

  it('of a login are the handler’s to give out, and in no header', async () => {
    const { sessions } = create({ transports: ['bearer'] })
    const headers = { 'session-rotation': 'accept' }
    const { exchange, value } = await serve(sessions, new FakeExchange({ method: 'POST', headers }), (s) =>
      s.login('ada'),
    )
    expect(value?.token).toMatch(/^[\w-]{68}$/)
    expect(exchange.response.get('session-token')).toBeUndefined()
    expect(exchange.response.get('cache-control')).toBe('no-store')
  })
})

describe('cache headers', () => {
  it('of a response that nothing of the session went into are left alone', async () => {
    const { sessions } = create()
    const ada = await signedIn(sessions, 'ada')
    const { exchange } = await serve(sessions, new FakeExchange({ headers: ada.headers }))
    expect([exchange.response.get('vary'), exchange.response.get('cache-control')]).toEqual([
      undefined,
      undefined,
    ])
  })

  it.each<[string, (s: Parameters<Parameters<typeof serve<Fields, unknown>>[2] & object>[0]) => unknown]>([
    ['who it is', (s) => s.userId],
    ['its id', (s) => s.id],
    ['a field', (s) => s.get('a')],
    ['whether a field is there', (s) => s.has('a')],
    ['whether it is fresh', (s) => s.isFresh('1h')],
    ['the time that is left', (s) => s.remaining],
    ['a CSRF token', (s) => s.csrfToken()],
    ['its other devices', (s) => s.others()],
    ['whether it still lives', (s) => s.revalidate()],
    ['its authentication', (s) => s.authentication],
    ['its device', (s) => s.device],
  ])('of a response that depends on %s are private, and vary by the cookie', async (_, read) => {
    const { sessions } = create()
    const ada = await signedIn(sessions, 'ada')
    for (const headers of [ada.headers, {}]) {
      const { exchange } = await serve(sessions, new FakeExchange({ headers }), read)
      expect(exchange.response.get('vary')).toBe('Cookie')
      expect(exchange.response.get('cache-control')).toBe('private')
    }
  })

  it('leave an application’s own Cache-Control alone, unless a credential goes along', async () => {
    const { sessions, environment } = create()
    const ada = await signedIn(sessions, 'ada')
    const page = (advance: number) => {
      environment.advance(advance)
      return serve(sessions, new FakeExchange({ headers: ada.headers }), (session, exchange) => {
        exchange.response.set('cache-control', 'public, max-age=60')
        exchange.response.set('vary', 'Accept-Encoding')
        return session.userId
      })
    }
    const plain = (await page(SECOND)).exchange.response
    expect([plain.get('cache-control'), plain.get('vary')]).toEqual([
      'public, max-age=60',
      'Accept-Encoding, Cookie',
    ])
    expect((await page(15 * MINUTE)).exchange.response.get('cache-control')).toBe('no-store')
  })

  it('TRN-06 of a response that sets or clears a token forbid storing it', async () => {
    const { sessions } = create()
    const browser = new Browser(sessions)
    const responses = [
      await browser.get((session) => session.set('a', 1)),
      await browser.post((session) => session.login('ada')),
      await browser.post((session) => session.logout()),
      await new Browser(sessions, { headers: { cookie: '__Host-sid=stray' } }).get(),
    ]
    expect(responses.map(({ setCookies }) => setCookies.length)).toEqual([1, 1, 1, 1])
    for (const { exchange } of responses) expect(exchange.response.get('cache-control')).toBe('no-store')
  })

  it('vary by both headers where both transports are on', async () => {
    const { sessions } = create({ transports: ['cookie', 'bearer'] })
    const { exchange } = await serve(sessions, new FakeExchange(), (session) => session.userId)
    expect(exchange.response.get('vary')).toBe('Cookie, Authorization')
  })
})
