import { describe, expect, it } from 'vitest'
import { createTestSessions, signedIn, type TestSessionsOptions } from '../../src/testing/index.ts'
import { Browser, serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'
import { MINUTE } from '../helpers/nodes.ts'

const OWN = { 'sec-fetch-site': 'same-origin' }
const token: Omit<TestSessionsOptions, 'data'> = { csrf: { mode: 'token' } }

describe('CSRF-02 the mode that asks for a token', () => {
  it.each<[string, (csrf: string) => Partial<ConstructorParameters<typeof FakeExchange>[0]>]>([
    ['in the header', (csrf) => ({ headers: { 'x-csrf-token': csrf } })],
    [
      'in a form field that the framework has parsed',
      (csrf) => ({ formField: (name) => (name === '_csrf' ? csrf : undefined) }),
    ],
  ])('accepts it %s, for each unsafe method', async (_, carry) => {
    const { sessions } = createTestSessions(token)
    const ada = await signedIn(sessions, 'ada')
    const csrf = ada.headers['x-csrf-token'] ?? ''
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
      const { headers, ...rest } = carry(csrf) ?? {}
      const request = new FakeExchange({
        method,
        ...rest,
        headers: { ...OWN, cookie: ada.cookie, ...headers },
      })
      expect((await serve(sessions, request, (session) => session.userId)).value).toBe('ada')
    }
  })

  it.each<
    [string, string, (own: { csrf: string; other: string; visitor: string }) => Record<string, string>]
  >([
    ['none', 'missing-token', () => ({})],
    ['an empty one', 'missing-token', () => ({ 'x-csrf-token': '' })],
    ['another session’s', 'invalid-token', ({ other }) => ({ 'x-csrf-token': other })],
    ['a visitor’s', 'invalid-token', ({ visitor }) => ({ 'x-csrf-token': visitor })],
    ['garbage', 'invalid-token', () => ({ 'x-csrf-token': 'x'.repeat(44) })],
    ['the right one in a cookie', 'missing-token', ({ csrf }) => ({ 'x-csrf': csrf })],
    ['the right one in a header of another name', 'missing-token', ({ csrf }) => ({ 'x-xsrf-token': csrf })],
    [
      'the right one from another site',
      'cross-site',
      ({ csrf }) => ({ 'x-csrf-token': csrf, 'sec-fetch-site': 'cross-site' }),
    ],
  ])('CSRF-03 refuses %s before the handler: %s', async (_, reason, headers) => {
    const { sessions, events } = createTestSessions(token)
    const [ada, bob] = [await signedIn(sessions, 'ada'), await signedIn(sessions, 'bob')]
    const visitor = (await new Browser(sessions).get((session) => session.csrfToken())).value ?? ''
    const own = { csrf: ada.headers['x-csrf-token'] ?? '', other: bob.headers['x-csrf-token'] ?? '', visitor }
    const cookie = `${ada.cookie}; csrf=${own.csrf}`
    const request = new FakeExchange({
      method: 'POST',
      url: '/pay?x=1',
      headers: { ...OWN, cookie, ...headers(own) },
    })
    const { status, error, value } = await serve(sessions, request, () => 'handled')
    expect([status, value]).toEqual([403, undefined])
    expect(error).toMatchObject({ name: 'AccessError', code: 'ERR_CSRF' })
    expect(events.of('csrf-refused')).toMatchObject([{ reason, method: 'POST', path: '/pay' }])
    events.assertNoTokens([own.csrf, ...ada.tokens])
  })

  it('CSRF-03 a token dies with its session: after a login and after a logout the old one is refused', async () => {
    const { sessions } = createTestSessions(token)
    const browser = new Browser(sessions)
    await browser.get((session) => (session as { set(field: string, value: unknown): void }).set('a', 1))
    const before = (await browser.get((session) => session.csrfToken())).value ?? ''
    const withToken = (csrf: string) => ({ headers: { 'x-csrf-token': csrf } })
    await browser.post((session) => session.login('ada'), withToken(before))
    expect((await browser.post(undefined, withToken(before))).status).toBe(403)
    const during = (await browser.get((session) => session.csrfToken())).value ?? ''
    const thief = browser.thief()
    expect((await browser.post((session) => session.logout(), withToken(during))).status).toBe(200)
    expect((await thief.post(undefined, withToken(during))).status).toBe(403)
  })

  it('a token outlives a rotation of its session: open forms keep working', async () => {
    const { sessions, environment } = createTestSessions(token)
    const browser = new Browser(sessions)
    await browser.post((session) => session.login('ada'))
    const csrf = (await browser.get((session) => session.csrfToken())).value ?? ''
    const before = browser.token
    environment.advance(15 * MINUTE)
    await browser.get()
    expect(browser.token).not.toBe(before)
    expect((await browser.post((s) => s.userId, { headers: { 'x-csrf-token': csrf } })).value).toBe('ada')
  })

  it('CSRF-12 asks nothing of bearer tokens, nor of visitors, whom no cookie authenticates', async () => {
    const { sessions } = createTestSessions({ ...token, transports: ['cookie', 'bearer'] })
    const agent = await signedIn(sessions, 'ada', { transport: 'bearer' })
    const bearer = new FakeExchange({ method: 'POST', headers: agent.headers })
    expect((await serve(sessions, bearer, (session) => session.userId)).value).toBe('ada')
    expect((await serve(sessions, new FakeExchange({ method: 'POST' }))).status).toBe(200)
  })

  it('is what the presets of NIST switch on, whatever else of CSRF is configured', async () => {
    for (const csrf of [undefined, { header: 'x-form' }]) {
      const { sessions } = createTestSessions({ preset: 'nist-aal1', ...(csrf ? { csrf } : {}) })
      expect(sessions.http.csrf.mode).toBe('token')
    }
    expect(
      createTestSessions({ preset: 'nist-aal1', csrf: { unsafeDisabled: true } }).sessions.http.csrf.mode,
    ).toBe('off')
    expect(
      createTestSessions({ preset: 'nist-aal1', csrf: { mode: 'origin' } }).sessions.http.csrf.mode,
    ).toBe('origin')
  })
})

describe('a visitor’s token', () => {
  it('makes no session, is accepted from any visitor, and from no session', async () => {
    const { sessions, store } = createTestSessions()
    const browser = new Browser(sessions)
    const { value: csrf, setCookies } = await browser.get((session) => session.csrfToken())
    expect(setCookies).toEqual([])
    expect(store.writes).toEqual([])
    expect((await browser.post((session) => session.assertCsrf(csrf))).status).toBe(200)
    const ada = await signedIn(sessions, 'ada')
    const signed = new Browser(sessions, { headers: ada.headers })
    expect((await signed.post((session) => session.assertCsrf(csrf))).error).toMatchObject({
      code: 'ERR_CSRF',
    })
  })

  it.each([undefined, null, '', 'x'.repeat(44), 7, {}, ['a']])('is not %j', async (wrong) => {
    const { sessions } = createTestSessions()
    const { error } = await new Browser(sessions).post((session) => session.assertCsrf(wrong))
    expect(error).toMatchObject({ code: 'ERR_CSRF' })
  })

  it('is never the same twice', async () => {
    const { sessions } = createTestSessions()
    const { value } = await new Browser(sessions).get((session) => [session.csrfToken(), session.csrfToken()])
    expect(new Set(value).size).toBe(2)
  })
})

describe('CSRF-01 CSRF-06 by default', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'get'])(
    'a %s of another site is refused before the handler and before the store',
    async (method) => {
      const { sessions, store, events } = createTestSessions()
      const ada = await signedIn(sessions, 'ada')
      store.clearCalls()
      const headers = { ...ada.headers, 'sec-fetch-site': 'cross-site' }
      const { status, value } = await serve(sessions, new FakeExchange({ method, headers }), () => 'handled')
      expect([status, value]).toEqual([403, undefined])
      expect(store.calls).toEqual([])
      expect(events.of('csrf-refused')).toHaveLength(1)
    },
  )

  it('answers of checked requests vary by what was checked', async () => {
    const { sessions } = createTestSessions()
    const ada = await signedIn(sessions, 'ada')
    const { exchange } = await serve(
      sessions,
      new FakeExchange({ method: 'POST', headers: ada.headers }),
      (s) => s.userId,
    )
    expect(exchange.response.get('vary')).toBe('Sec-Fetch-Site, Origin, Cookie')
    const read = await serve(sessions, new FakeExchange({ headers: ada.headers }), (s) => s.userId)
    expect(read.exchange.response.get('vary')).toBe('Cookie')
  })

  it('CSRF-10 safe requests change nothing but activity, whatever the handler reads', async () => {
    const { sessions, store, environment } = createTestSessions()
    const ada = await signedIn(sessions, 'ada')
    environment.advance(2 * MINUTE)
    store.clearCalls()
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      await serve(sessions, new FakeExchange({ method, headers: ada.headers }), async (session) => {
        await session.others()
        await session.revalidate()
        session.csrfToken()
        return [session.remaining, session.signal, session.device, session.isFresh('1h')]
      })
    }
    await sessions.flush()
    expect(new Set(store.writes.map(({ method }) => method))).toEqual(new Set(['touch']))
  })
})

describe('CSRF-11 report-only', () => {
  it('lets a forged request through and reports it once', async () => {
    for (const mode of ['origin', 'token'] as const) {
      const { sessions, events } = createTestSessions({ csrf: { mode, unsafeReportOnly: true } })
      const ada = await signedIn(sessions, 'ada')
      events.clear()
      const headers = { cookie: ada.cookie, 'sec-fetch-site': 'cross-site' }
      const request = new FakeExchange({ method: 'POST', url: '/pay', headers })
      expect((await serve(sessions, request, (session) => session.userId)).value).toBe('ada')
      expect(events.all).toMatchObject([
        { name: 'csrf-would-refuse', reason: 'cross-site', method: 'POST', path: '/pay' },
      ])
    }
  })

  it('reports a missing token with whose session it was', async () => {
    const { sessions, events } = createTestSessions({ csrf: { mode: 'token', unsafeReportOnly: true } })
    const ada = await signedIn(sessions, 'ada')
    const request = new FakeExchange({ method: 'POST', headers: { ...OWN, cookie: ada.cookie } })
    expect((await serve(sessions, request, (session) => session.userId)).value).toBe('ada')
    expect(events.of('csrf-would-refuse')).toMatchObject([
      { reason: 'missing-token', sessionId: ada.sessionId, userId: 'ada' },
    ])
  })

  it('lets a login of another site and a wrong form token through, too, and reports them', async () => {
    const { sessions, events } = createTestSessions({ csrf: { unsafeReportOnly: true } })
    const headers = { 'sec-fetch-site': 'cross-site' }
    const login = new FakeExchange({ method: 'POST', headers })
    const { status } = await serve(sessions, login, async (session) => {
      session.assertCsrf('wrong')
      await session.login('ada')
    })
    expect(status).toBe(200)
    expect(events.of('csrf-would-refuse').map(({ reason }) => reason)).toEqual([
      'invalid-token',
      'cross-site',
    ])
  })
})
