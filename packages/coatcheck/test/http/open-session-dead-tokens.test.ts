import { describe, expect, it } from 'vitest'
import { createTestSessions, signedIn } from '../../src/testing/index.ts'
import { serve } from '../helpers/browser.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'
import { HOUR, MINUTE, SECOND } from '../helpers/nodes.ts'

const CLEARED =
  '__Host-sid=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; Secure; HttpOnly; SameSite=Lax'

describe('a dead token', () => {
  it.each<[string, (id: string, test: ReturnType<typeof createTestSessions>) => unknown]>([
    ['revoked', (id, { sessions }) => sessions.revoke(id)],
    ['expired', (_, { environment }) => environment.advance(13 * HOUR)],
    [
      'logged out longer ago than the grace',
      async (id, { sessions, environment }) => {
        await sessions.revoke(id, { reason: 'logout' })
        environment.advance(MINUTE)
      },
    ],
    [
      'swept away',
      async (_, { sessions, environment }) => {
        environment.advance(13 * HOUR)
        await sessions.sweep()
        environment.advance(2 * HOUR)
        await sessions.sweep()
      },
    ],
  ])('LIO-04 %s is cleared, once the response goes', async (_, kill) => {
    const test = createTestSessions()
    const agent = await signedIn(test.sessions, 'ada')
    await kill(agent.sessionId, test)
    const { value, setCookies, status } = await serve(
      test.sessions,
      new FakeExchange({ headers: agent.headers }),
      (session) => session.userId,
    )
    expect([status, value, setCookies]).toEqual([200, null, [CLEARED]])
  })

  it.each(['stray', 'x'.repeat(68), `E${'A'.repeat(67)}`, ''])(
    'that was never one is cleared: %s',
    async (value) => {
      const { sessions } = createTestSessions()
      const headers = { cookie: `__Host-sid=${value}` }
      expect((await serve(sessions, new FakeExchange({ headers }))).setCookies).toEqual([CLEARED])
    },
  )

  it('AUD-05 looks the same to its client whatever is wrong with it', async () => {
    const { sessions, environment } = createTestSessions()
    const [expired, revoked] = [
      await signedIn(sessions, 'ada'),
      await signedIn(sessions, 'bob', { remember: true }),
    ]
    const unknown = await signedIn(createTestSessions().sessions, 'eve')
    await sessions.revoke(revoked.sessionId)
    environment.advance(HOUR)
    const values = [
      'garbage',
      `E${'A'.repeat(67)}`,
      unknown.token,
      revoked.token,
      expired.token,
      'ck_live_abc',
    ]
    const answers: unknown[] = []
    for (const value of values) {
      const headers = { cookie: `__Host-sid=${value}` }
      const {
        status,
        value: seen,
        setCookies,
        exchange,
      } = await serve(sessions, new FakeExchange({ headers }), (session) => [session.userId, session.id])
      const { response } = exchange
      answers.push({
        status,
        seen,
        setCookies,
        vary: response.get('vary'),
        cache: response.get('cache-control'),
      })
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]).toMatchObject({
      status: 200,
      seen: [null, null],
      setCookies: [CLEARED],
      cache: 'no-store',
    })
  })

  it('is replaced where something is written, by one Set-Cookie', async () => {
    const { sessions, environment } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    environment.advance(13 * HOUR)
    const { setCookies } = await serve(sessions, new FakeExchange({ headers: agent.headers }), (session) =>
      session.set('a', 1),
    )
    expect(setCookies).toHaveLength(1)
    expect(setCookies[0]).toMatch(/^__Host-sid=[\w-]{68}; Max-Age=2592000; /)
    expect(setCookies[0]).not.toContain(agent.token)
  })

  it.each(['logout', 'replaced'])(
    'of a session that ended by %s within the grace gets no Set-Cookie, and its writes are gone',
    async (reason) => {
      const { sessions, store, events } = createTestSessions()
      const agent = await signedIn(sessions, 'ada')
      await sessions.revoke(agent.sessionId, { reason })
      store.clearCalls()
      const { value, setCookies, status } = await serve(
        sessions,
        new FakeExchange({ headers: agent.headers }),
        async (session) => {
          session.set('a', 1)
          return session.commit()
        },
      )
      expect([status, value, setCookies]).toEqual([200, 'gone', []])
      expect(store.writes).toEqual([])
      expect(events.of('write-dropped')).toMatchObject([{ fields: ['a'] }])
    },
  )

  it('of such a session may sign in again all the same', async () => {
    const { sessions } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    await sessions.revoke(agent.sessionId, { reason: 'logout' })
    const { setCookies } = await serve(
      sessions,
      new FakeExchange({ method: 'POST', headers: agent.headers }),
      (session) => session.login('ada'),
    )
    expect(setCookies).toHaveLength(1)
  })

  it('is not cleared for its sheer number, nor by a look that only reads', async () => {
    const { sessions } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    await sessions.revoke(agent.sessionId)
    for (const mode of ['read', 'peek'] as const) {
      const { setCookies } = await serve(
        sessions,
        new FakeExchange({ headers: agent.headers }),
        undefined,
        mode,
      )
      expect(setCookies).toEqual([])
    }
  })

  it('as a bearer token sets no cookie', async () => {
    const { sessions } = createTestSessions({ transports: ['bearer', 'cookie'] })
    const agent = await signedIn(sessions, 'ada')
    await sessions.revoke(agent.sessionId)
    expect((await serve(sessions, new FakeExchange({ headers: agent.headers }))).setCookies).toEqual([])
  })
})

describe('STO-05 P10 a store in trouble', () => {
  it.each<[string, (test: ReturnType<typeof createTestSessions>) => unknown, string]>([
    ['fails', ({ store }) => store.fail('find'), 'ERR_STORE_UNAVAILABLE'],
    [
      'throws what it likes',
      ({ store }) => store.fail('find', new TypeError('x is not a function')),
      'ERR_STORE_UNAVAILABLE',
    ],
    ['does not answer', ({ store }) => store.hang('find'), 'ERR_STORE_TIMEOUT'],
    [
      'answers garbage',
      ({ store }) => Object.assign(store, { find: () => ({ status: 'live', record: {} }) }),
      'ERR_STORE_CORRUPT',
    ],
  ])(
    'that %s is a 503 before the handler: neither a session nor a visitor, and no cookie',
    async (_, break_, code) => {
      const test = createTestSessions()
      const agent = await signedIn(test.sessions, 'ada')
      break_(test)
      const visit = serve(test.sessions, new FakeExchange({ headers: agent.headers }), () => 'handled')
      await test.environment.advanceAndSettle(5 * SECOND)
      const { status, error, value, setCookies } = await visit
      expect([status, value, setCookies]).toEqual([503, undefined, []])
      expect(error).toMatchObject({ name: 'StoreError', code, expose: false })
    },
  )

  it('is no trouble again when it is over', async () => {
    const { sessions, store } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    store.fail('find', undefined, { times: 1 })
    const visit = () =>
      serve(sessions, new FakeExchange({ headers: agent.headers }), (session) => session.userId)
    expect((await visit()).status).toBe(503)
    expect((await visit()).value).toBe('ada')
  })
})
