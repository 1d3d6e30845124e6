import { describe, expect, it } from 'vitest'
import { openSession } from '../../src/http/open-session.ts'
import { createTestSessions, signedIn, type TestSessionsOptions } from '../../src/testing/index.ts'
import { Browser, serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'
import { MINUTE, SECOND } from '../helpers/nodes.ts'

describe('a visitor without a token', () => {
  it('is anonymous, and reading costs neither a cookie nor a call of the store', async () => {
    const { sessions, store } = createTestSessions()
    await sessions.open()
    store.clearCalls()
    const { value, exchange } = await new Browser(sessions).get((session) => [
      session.id,
      session.userId,
      session.get('anything'),
      session.remaining,
      session.createdAt,
    ])
    expect(value).toEqual([null, null, undefined, null, null])
    expect(store.calls).toEqual([])
    expect(exchange.response.setCookies()).toEqual([])
  })

  it('gets a CSRF token with the very first request that the sessions see', async () => {
    const { sessions } = createTestSessions()
    const { value, status } = await new Browser(sessions).get((session) => session.csrfToken())
    expect(status).toBe(200)
    expect(value).toMatch(/^[\w-]{44}$/)
  })

  it('P10 is refused while the sessions cannot be opened, and served when they can', async () => {
    const { sessions, store } = createTestSessions()
    store.fail('open', undefined, { times: 1 })
    const browser = new Browser(sessions)
    expect((await browser.get()).status).toBe(503)
    expect((await browser.get((session) => session.csrfToken())).status).toBe(200)
  })

  it('is opened without a promise, once the sessions are open', async () => {
    const { sessions } = createTestSessions()
    await sessions.open()
    expect(openSession(sessions, new FakeExchange())).not.toBeInstanceOf(Promise)
    const agent = await signedIn(sessions, 'ada')
    const exchange = new FakeExchange({ headers: agent.headers })
    const opened = openSession(sessions, exchange)
    if (opened instanceof Promise || !opened) throw new Error('not at once')
    expect(opened.session.userId).toBe('ada')
    expect(opened.finish()).toBeUndefined()
  })
})

describe('TRN-03 where a token may travel', () => {
  it.each<
    [
      string,
      (token: string) => Partial<ConstructorParameters<typeof FakeExchange>[0]>,
      Pick<TestSessionsOptions, 'transports'>?,
    ]
  >([
    ['the query', (token) => ({ url: `/?sid=${token}` })],
    ['the path', (token) => ({ url: `/s/${token}/x` })],
    ['another cookie', (token) => ({ headers: { cookie: `sid=${token}; __Host-SID=${token}` } })],
    ['a header that is not configured', (token) => ({ headers: { authorization: `Bearer ${token}` } })],
    ['an invented header', (token) => ({ headers: { 'x-session': token, 'x-api-key': token } })],
    [
      'the cookie, where only bearer tokens are configured',
      (token) => ({ headers: { cookie: `__Host-sid=${token}` } }),
      { transports: ['bearer'] },
    ],
    ['a form field', (token) => ({ formField: () => token })],
  ])('not in %s', async (_, request, options) => {
    const { sessions, store } = createTestSessions(options ?? {})
    const { token } = await signedIn(sessions, 'ada', { transport: 'cookie' })
    store.clearCalls()
    const { value, status, setCookies } = await serve(
      sessions,
      new FakeExchange(request(token ?? '')),
      (session) => session.userId,
    )
    expect([status, value, setCookies]).toEqual([200, null, []])
    expect(store.calls).toEqual([])
  })

  it('AUD-01 in a URL it is reported, and shown nowhere', async () => {
    const { sessions, events } = createTestSessions()
    const { token } = await signedIn(sessions, 'ada')
    events.clear()
    const exchange = new FakeExchange({ url: `/login?next=/x&sid=${token}` })
    await serve(sessions, exchange)
    expect(events.names).toEqual(['token-in-url'])
    events.assertNoTokens([token ?? ''])
  })

  it('AUD-01 in the path of a forged request it is not shown by the event either', async () => {
    const { sessions, events } = createTestSessions()
    const { token, cookie } = await signedIn(sessions, 'ada')
    const headers = { cookie, 'sec-fetch-site': 'cross-site' }
    const url = `/s/${token}/transfer`
    await serve(sessions, new FakeExchange({ method: 'POST', url, headers }))
    expect(events.of('csrf-refused')).toMatchObject([{ path: '/s/[token]/transfer' }])
    events.assertNoTokens([token ?? ''])
  })

  it('TRN-04 in two places of ours at once it is refused before the handler, whoever’s they are', async () => {
    const { sessions, events } = createTestSessions({ transports: ['cookie', 'bearer'] })
    const [ada, bob] = [
      await signedIn(sessions, 'ada'),
      await signedIn(sessions, 'bob', { transport: 'bearer' }),
    ]
    const both = { cookie: ada.cookie, authorization: `Bearer ${bob.token}` }
    for (const method of ['GET', 'POST']) {
      const { status, error, value, setCookies } = await serve(
        sessions,
        new FakeExchange({ method, headers: both }),
        () => 'handled',
      )
      expect([status, value, setCookies]).toEqual([400, undefined, []])
      expect(error).toMatchObject({ name: 'AccessError', code: 'ERR_AMBIGUOUS_TOKEN' })
    }
    expect(events.of('token-refused')).toMatchObject([{ reason: 'ambiguous' }, { reason: 'ambiguous' }])
  })

  it('CK-18 behind a Cookie header of a size that no browser sends it is refused with 431', async () => {
    const { sessions, events } = createTestSessions()
    const { cookie } = await signedIn(sessions, 'ada')
    const headers = { cookie: `${cookie}; padding=${'x'.repeat(16_384)}` }
    const { status, error } = await serve(sessions, new FakeExchange({ headers }))
    expect(status).toBe(431)
    expect(error).toMatchObject({ code: 'ERR_HEADER_TOO_LARGE' })
    expect(events.of('token-refused')).toMatchObject([{ reason: 'oversized' }])
  })
})

describe('TRN-01 plain HTTP that leaves this machine', () => {
  const plain = { connection: { encrypted: false } }

  it('neither accepts nor clears a token', async () => {
    const { sessions, events, store } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    store.clearCalls()
    const { value, setCookies } = await serve(
      sessions,
      new FakeExchange({ ...plain, headers: agent.headers }),
      (session) => session.userId,
    )
    expect([value, setCookies]).toEqual([null, []])
    expect(store.calls).toEqual([])
    expect(events.of('token-refused')).toMatchObject([{ reason: 'insecure' }])
  })

  it('sets no cookie, not even one that clears another: a redirect to HTTPS carries none', async () => {
    const { sessions } = createTestSessions()
    await sessions.open()
    const headers = { cookie: '__Host-sid=stray' }
    expect((await serve(sessions, new FakeExchange({ ...plain, headers }))).setCookies).toEqual([])
  })

  it.each<[string, string, object]>([
    ['localhost', '127.0.0.1', { host: 'localhost:3000' }],
    ['a sub-domain of localhost', '::1', { host: 'shop.localhost' }],
  ])('is not what loopback is: %s works', async (_, remoteAddress, connection) => {
    const { sessions } = createTestSessions()
    const browser = new Browser(sessions, { connection: { encrypted: false, remoteAddress, ...connection } })
    expect((await browser.get((session) => session.set('a', 1))).status).toBe(200)
    expect((await browser.get((session) => session.get('a'))).value).toBe(1)
  })
})

describe('CK-11 several cookies of our name', () => {
  it('of which one is alive are the user’s, in whatever order', async () => {
    const { sessions } = createTestSessions()
    const ada = await signedIn(sessions, 'ada')
    const dead = await signedIn(sessions, 'eve')
    await sessions.revoke(dead.sessionId)
    for (const pair of [
      [ada, dead],
      [dead, ada],
    ]) {
      const headers = { cookie: pair.map(({ cookie }) => cookie).join('; ') }
      const { value, status } = await serve(
        sessions,
        new FakeExchange({ headers }),
        (session) => session.userId,
      )
      expect([status, value]).toEqual([200, 'ada'])
    }
  })

  it('of two live sessions are refused: nobody can tell whose request it is', async () => {
    const { sessions, events } = createTestSessions()
    const [ada, eve] = [await signedIn(sessions, 'ada'), await signedIn(sessions, 'eve')]
    const headers = { cookie: `${eve.cookie}; ${ada.cookie}` }
    const { status, value } = await serve(
      sessions,
      new FakeExchange({ headers }),
      (session) => session.userId,
    )
    expect([status, value]).toEqual([400, undefined])
    expect(events.of('token-refused')).toMatchObject([{ reason: 'ambiguous' }])
  })

  it('that are one token twice are one', async () => {
    const { sessions } = createTestSessions()
    const { cookie } = await signedIn(sessions, 'ada')
    const headers = { cookie: `${cookie}; ${cookie}` }
    const { value } = await serve(sessions, new FakeExchange({ headers }), (session) => session.userId)
    expect(value).toBe('ada')
  })

  it('P3 of which one was left behind by an earlier domain, and is superseded by now, do not sign the user out', async () => {
    const { sessions, environment, events } = createTestSessions({ cookie: { domain: 'example.com' } })
    const agent = await signedIn(sessions, 'ada')
    const left = agent.cookie
    const request = async () => {
      const headers = { cookie: `${left}; ${agent.cookie}` }
      const exchange = new FakeExchange({ headers, connection: { host: 'shop.example.com' } })
      const visited = await serve(sessions, exchange, (session) => session.userId)
      agent.receive({
        headers: { 'set-cookie': visited.setCookies.filter((one) => !one.includes('Max-Age=0')) },
      })
      return visited.value
    }
    for (let minute = 0; minute < 60; minute += 2) {
      environment.advance(2 * MINUTE)
      expect(await request()).toBe('ada')
      await sessions.flush()
    }
    expect(agent.tokens.length).toBeGreaterThan(2)
    expect(events.of('ended')).toEqual([])
    expect(events.of('reused').map(({ action }) => action)).not.toContain('end')
  })

  it('P4 of which none is alive and one is superseded end the session: nothing speaks for their holder', async () => {
    const { sessions, environment, events } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    const stolen = agent.cookie
    const browser = new Browser(sessions, { headers: { cookie: agent.cookie } })
    environment.advance(15 * MINUTE)
    agent.receive({ headers: { 'set-cookie': (await browser.get()).setCookies } })
    environment.advance(2 * MINUTE)
    await serve(sessions, new FakeExchange({ headers: agent.headers }))
    await sessions.flush()
    const dead = await signedIn(sessions, 'eve')
    await sessions.revoke(dead.sessionId)
    events.clear()
    const headers = { cookie: `${dead.cookie}; ${stolen}` }
    const { value } = await serve(sessions, new FakeExchange({ headers }), (session) => session.userId)
    expect(value).toBeNull()
    expect(events.of('reused')).toMatchObject([{ action: 'report' }, { action: 'end' }])
    expect(await sessions.find(agent.sessionId)).toBeNull()
  })
})

describe('policy', () => {
  it('is asked before anything is looked at, with method, path and headers', async () => {
    const asked: unknown[] = []
    const { sessions, store } = createTestSessions({
      policy: ({ method, path, header }) => {
        asked.push([method, path, header('x-health')])
        return { skip: true }
      },
    })
    const agent = await signedIn(sessions, 'ada')
    store.clearCalls()
    const headers = { ...agent.headers, 'x-health': '1' }
    const opened = await openSession(sessions, new FakeExchange({ url: '/health?full=1', headers }))
    expect(opened).toBeNull()
    expect(asked).toEqual([['GET', '/health', '1']])
    expect(store.calls).toEqual([])
  })

  it('may say that a request is no activity', async () => {
    const { sessions, environment } = createTestSessions({
      idleTimeout: '10m',
      policy: ({ path }) => (path === '/poll' ? { touch: false } : undefined),
    })
    const agent = await signedIn(sessions, 'ada')
    for (let minute = 0; minute < 10; minute++) {
      environment.advance(MINUTE)
      await serve(sessions, new FakeExchange({ url: '/poll', headers: agent.headers }))
      await sessions.flush()
    }
    environment.advance(30 * SECOND)
    expect(await sessions.find(agent.sessionId)).toBeNull()
  })

  it('may keep a response from carrying a rotated token', async () => {
    const { sessions, environment } = createTestSessions({
      policy: ({ path }) => ({ rotate: path !== '/image' }),
    })
    const agent = await signedIn(sessions, 'ada')
    environment.advance(15 * MINUTE)
    const visit = (url: string) => serve(sessions, new FakeExchange({ url, headers: agent.headers }))
    expect((await visit('/image')).setCookies).toEqual([])
    expect((await visit('/page')).setCookies).toHaveLength(1)
  })

  it('that throws fails the request, and opens nothing', async () => {
    const { sessions } = createTestSessions({
      policy: () => {
        throw new RangeError('mine')
      },
    })
    expect((await serve(sessions, new FakeExchange())).error).toEqual(new RangeError('mine'))
  })
})
