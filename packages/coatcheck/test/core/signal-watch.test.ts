import { describe, expect, it } from 'vitest'
import { createNode, createNodes, HOUR, login, MINUTE, type Node, SECOND, stepUp } from '../helpers/nodes.ts'

describe('P9 LIO-02 the signal of a session', () => {
  it.each([
    ['logout', (node: Node, s: Session) => node.manager.logout(s)],
    ['revoked', (node: Node, s: Session) => node.manager.revoke(s.record.id)],
    ['password', (node: Node) => node.manager.revokeUser('ada', { reason: 'password' })],
    ['incident', (node: Node) => node.manager.revokeEveryone({ reason: 'incident' })],
    ['replaced', (node: Node, s: Session) => login(node, 'ada', {}, s)],
    ['limit', (node: Node) => login(node, 'ada')],
  ])('fires at once for an end in this process: %s', async (reason, end) => {
    const node = createNode({ maxSessions: { count: 1, onLimit: 'evict-oldest' } })
    const { session } = await login(node, 'ada')
    const signal = node.manager.holdSignal(session.record.id)
    expect(signal.aborted).toBe(false)
    await end(node, session)
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toMatchObject({ name: 'AbortError', message: `The session has ended (${reason}).` })
  })

  it('P7 fires within maxStaleness for an end on another node', async () => {
    const [one, two] = createNodes()
    const { session } = await login(one, 'ada')
    await two.manager.open()
    const signal = two.manager.holdSignal(session.record.id)
    await one.manager.logout(session)
    await two.environment.advanceAndSettle(SECOND - 1)
    expect(signal.aborted).toBe(false)
    await two.environment.advanceAndSettle(1)
    expect(signal.aborted).toBe(true)
  })

  it('EXP-01 fires when a deadline passes, though nobody uses the session: watching is no activity', async () => {
    const node = createNode({ idleTimeout: '10m' })
    const { session } = await login(node, 'ada')
    const signal = node.manager.holdSignal(session.record.id)
    await node.environment.advanceAndSettle(10 * MINUTE)
    expect(signal.aborted).toBe(false)
    await node.environment.advanceAndSettle(31 * SECOND)
    expect(signal.reason).toMatchObject({ message: 'The session has ended (idle).' })
    expect(node.events.of('ended')).toMatchObject([{ reason: 'idle' }])
  })

  it('fires for a session that nobody knows any more', async () => {
    const node = createNode()
    await node.manager.open()
    const signal = node.manager.holdSignal('AAAAAAAAAAAAAAAAAAAAAA' as Session['record']['id'])
    await node.environment.advanceAndSettle(SECOND)
    expect(signal.aborted).toBe(true)
  })

  it('P10 fires where the store cannot say: whoever cannot be asked must not be trusted', async () => {
    const node = createNode()
    const { session } = await login(node, 'ada')
    const signal = node.manager.holdSignal(session.record.id)
    node.store.fail('find', undefined, { times: 1 })
    await node.environment.advanceAndSettle(SECOND)
    expect(signal.reason).toMatchObject({ message: 'The session has ended (store failed).' })
    expect(node.events.of('store-failed')).toMatchObject([{ operation: 'find' }])
  })

  it('P10 of a thousand sessions all fire within one time limit where the store is silent', async () => {
    const node = createNode({ maxSessions: false })
    const sessions = await Promise.all(Array.from({ length: 1_000 }, () => login(node, 'ada')))
    const signals = sessions.map(({ session }) => node.manager.holdSignal(session.record.id))
    node.store.hang('find')
    await node.environment.advanceAndSettle(6 * SECOND)
    expect(signals.filter(({ aborted }) => aborted)).toHaveLength(1_000)
  })

  it('goes on for a live session, one look-up per interval, however many ask', async () => {
    const node = createNode()
    const { session } = await login(node, 'ada')
    const signals = Array.from({ length: 10 }, () => node.manager.holdSignal(session.record.id))
    expect(new Set(signals).size).toBe(1)
    node.store.clearCalls()
    await node.environment.advanceAndSettle(5 * SECOND)
    expect(node.store.calls.map(({ method }) => method)).toEqual(Array(5).fill('find'))
    expect(signals[0]?.aborted).toBe(false)
  })

  it('stops looking when nothing is watched any more', async () => {
    const node = createNode()
    const { session } = await login(node, 'ada')
    node.manager.holdSignal(session.record.id)
    await node.manager.logout(session)
    node.store.clearCalls()
    await node.environment.advanceAndSettle(HOUR)
    expect(node.store.calls).toEqual([])
  })

  it('of a session that was ended and asked for again is a new one, which fires as well', async () => {
    const node = createNode()
    const { session } = await login(node, 'ada')
    await node.manager.logout(session)
    const signal = node.manager.holdSignal(session.record.id)
    expect(signal.aborted).toBe(false)
    await node.environment.advanceAndSettle(SECOND)
    expect(signal.aborted).toBe(true)
  })

  it('fires for a step-up: what hangs on the session before opens again with the one after', async () => {
    const node = createNode()
    const { token, session } = await login(node, 'ada')
    const signal = node.manager.holdSignal(session.record.id)
    await stepUp(node, token)
    expect(signal.aborted).toBe(true)
  })

  it('does not fire when the sessions are closed, and nothing is looked up after that', async () => {
    const node = createNode()
    const sessions = await Promise.all(Array.from({ length: 3 }, () => login(node, 'ada')))
    const signals = sessions.map(({ session }) => node.manager.holdSignal(session.record.id))
    const goOn = node.store.hang('find', { times: 1 })
    await node.environment.advanceAndSettle(SECOND)
    await node.manager.close()
    goOn()
    await node.environment.advanceAndSettle(HOUR)
    expect(signals.some(({ aborted }) => aborted)).toBe(false)
    expect(node.errors).toEqual([])
  })
})

type Session = Awaited<ReturnType<typeof login>>['session']
