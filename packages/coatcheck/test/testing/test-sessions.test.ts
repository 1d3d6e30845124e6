import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { field } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { signedIn } from '../../src/testing/signed-in.ts'
import { createTestSessions } from '../../src/testing/test-sessions.ts'
import { Browser } from '../helpers/browser.ts'

describe('createTestSessions', () => {
  it('lives by a clock that only the test moves', async () => {
    const { sessions, environment } = createTestSessions({ idleTimeout: '10m', touchInterval: 0 })
    const agent = await signedIn(sessions, 'ada')
    environment.advance(10 * 60_000 - 1)
    expect(await sessions.find(agent.sessionId)).not.toBeNull()
    environment.advance(1)
    expect(await sessions.find(agent.sessionId)).toBeNull()
  })

  it('records events by name and in order', async () => {
    const { sessions, events } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    await sessions.revoke(agent.sessionId)
    expect(events.names).toEqual(['logged-in', 'ended'])
    expect(events.all).toHaveLength(2)
    expect(events.of('ended')).toMatchObject([
      { sessionId: agent.sessionId, userId: 'ada', reason: 'revoked' },
    ])
    expect(events.of('reused')).toEqual([])
    events.assertNoTokens(agent.tokens)
    events.clear()
    expect(events.names).toEqual([])
  })

  it('finds a token that an event should hold', async () => {
    const { sessions, events } = createTestSessions()
    const agent = await signedIn(sessions, 'ada')
    await sessions.revoke(agent.sessionId, { reason: `because of ${agent.token}` })
    expect(() => events.assertNoTokens()).toThrow('value.1.reason')
  })

  it('does not sweep, unless it is asked to', async () => {
    const idle = createTestSessions()
    await signedIn(idle.sessions, 'ada')
    await idle.environment.advanceAndSettle(24 * 3_600_000)
    expect(idle.store.calls.map(({ method }) => method)).not.toContain('sweep')

    const sweeping = createTestSessions({ sweepInterval: '1h' })
    await signedIn(sweeping.sessions, 'ada')
    await sweeping.environment.advanceAndSettle(24 * 3_600_000)
    expect(sweeping.store.calls.filter(({ method }) => method === 'sweep')).toHaveLength(24)
    expect(sweeping.events.of('ended')).toMatchObject([{ reason: 'idle' }])
    expect(sweeping.events.of('store-failed')).toEqual([])
  })

  it('has a store that fails when it is told to', async () => {
    const { sessions, store, events } = createTestSessions()
    const browser = new Browser(sessions)
    store.fail('create')
    const { status } = await browser.get((session) => session.set('a', 1))
    expect(status).toBe(503)
    expect(events.of('store-failed')).toMatchObject([{ operation: 'create' }])
  })

  it('keeps what is reported to onError from the console, and passes it on', async () => {
    const seen: unknown[] = []
    const { sessions, errors } = createTestSessions({ onError: (error) => seen.push(error) })
    const mistake = new Error('listener')
    sessions.on('created', () => {
      throw mistake
    })
    await new Browser(sessions).get((session) => session.set('a', 1))
    expect(errors).toEqual([mistake])
    expect(seen).toEqual([mistake])
  })

  it('takes the options of the application, and infers its fields', async () => {
    const { sessions } = createTestSessions({
      data: { cart: field(z.array(z.string()), { default: [] }), theme: z.enum(['light', 'dark']) },
    })
    const agent = await signedIn(sessions, 'ada', { data: { theme: 'dark', cart: ['hat'] } })
    const browser = new Browser(sessions, { headers: { cookie: agent.cookie } })
    const { value } = await browser.get((session) => [
      ...session.get('cart'),
      session.get('theme') ?? 'light',
    ])
    expect(value).toEqual(['hat', 'dark'])
    expect(() => createTestSessions({ idleTimeout: 0 })).toThrow('idleTimeout')
  })

  it('can be two nodes over one store, on one clock', async () => {
    const store = memory()
    const environment = new FakeEnvironment()
    const [one, two] = [
      createTestSessions({ store, environment }),
      createTestSessions({ store, environment }),
    ]
    const agent = await signedIn(one.sessions, 'ada')
    await one.sessions.open()
    expect(await two.sessions.find(agent.sessionId)).toMatchObject({ userId: 'ada' })
    await two.sessions.revoke(agent.sessionId)
    expect(await one.sessions.find(agent.sessionId)).toBeNull()
  })
})
