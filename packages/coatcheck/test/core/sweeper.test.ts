import { describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { createNode, HOUR, login, MINUTE, SECOND, sessionOf, start, verdictOf } from '../helpers/nodes.ts'

describe('the sweep', () => {
  it('STO-07 ends what is past its deadline, with the reason, and nothing that lives', async () => {
    const node = createNode({ idleTimeout: '10m', touchInterval: 0 })
    const idle = await login(node, 'ada')
    node.environment.advance(10 * MINUTE - 1)
    const live = await login(node, 'ada')
    expect(await node.manager.sweep()).toBe(0)
    node.environment.advance(1)
    expect(await node.manager.sweep()).toBe(1)
    expect(node.events.of('ended')).toMatchObject([
      { sessionId: idle.session.record.id, userId: 'ada', reason: 'idle' },
    ])
    expect(await verdictOf(node, live.token)).toBe('ok')
  })

  it('STO-07 removes tombstones after their retention, and not before', async () => {
    const node = createNode({ tombstoneRetention: '1h' })
    const { token, session } = await login(node, 'ada')
    await node.manager.logout(session)
    node.environment.advance(HOUR - 1)
    await node.manager.sweep()
    expect(await verdictOf(node, token)).toBe('ended')
    node.environment.advance(1)
    await node.manager.sweep()
    expect(await verdictOf(node, token)).toBe('unknown')
  })

  it('goes on until nothing is left, in slices of a hundred', async () => {
    const node = createNode({ idleTimeout: '10m' })
    await Promise.all(Array.from({ length: 250 }, () => login(node, 'ada')))
    await Promise.all(Array.from({ length: 250 }, () => start(node)))
    node.environment.advance(11 * MINUTE)
    node.store.clearCalls()
    // The limit of sessions per user has ended the others before.
    expect(await node.manager.sweep()).toBe(100)
    const sweeps = node.store.calls.filter(({ method }) => method === 'sweep')
    expect(sweeps.length).toBeGreaterThan(1)
    expect(new Set(sweeps.map(({ args }) => JSON.stringify(args)))).toEqual(new Set(['[{"limit":100}]']))
  })

  it('STO-07 lets others have their turn, also over a store that answers without giving up its own', async () => {
    const environment = new FakeEnvironment()
    const store = memory()
    const sweep = store.sweep.bind(store)
    store.sweep = (options) => {
      environment.advance(3)
      return sweep(options)
    }
    const node = createNode({ environment, store, idleTimeout: '10m', maxSessions: false })
    await Promise.all(Array.from({ length: 500 }, () => login(node, 'ada')))
    environment.advance(11 * MINUTE)
    let turns = 0
    setImmediate(() => turns++)
    expect(await node.manager.sweep()).toBe(500)
    expect(turns).toBe(1)
  })

  it('P1 races a use without ending a session that it keeps alive', async () => {
    const node = createNode({ idleTimeout: '10m', touchInterval: 0 })
    const { token } = await login(node, 'ada')
    node.environment.advance(10 * MINUTE - 1)
    await sessionOf(node, token)
    const [swept] = await Promise.all([node.manager.sweep(), node.manager.flush()])
    node.environment.advance(1)
    expect([swept, await node.manager.sweep()]).toEqual([0, 0])
    expect(await verdictOf(node, token)).toBe('ok')
  })

  it('that is asked for twice at once runs once', async () => {
    const node = createNode()
    await node.manager.open()
    const goOn = node.store.hang('sweep', { times: 1 })
    const sweeps = [node.manager.sweep(), node.manager.sweep()]
    goOn()
    expect(await Promise.all(sweeps)).toEqual([0, 0])
    expect(node.store.calls.filter(({ method }) => method === 'sweep')).toHaveLength(1)
  })

  it('P10 that fails is an error to whoever asked, and can be asked for again', async () => {
    const node = createNode()
    node.store.fail('sweep', undefined, { times: 1 })
    await expect(node.manager.sweep()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(await node.manager.sweep()).toBe(0)
  })
})

describe('the background sweep', () => {
  it('runs once per interval, also after one that failed or timed out, and reports that', async () => {
    const node = createNode({ sweepInterval: '1m' })
    await node.manager.open()
    node.store.fail('sweep', undefined, { times: 1 })
    await node.environment.advanceAndSettle(MINUTE)
    node.store.hang('sweep', { times: 1 })
    await node.environment.advanceAndSettle(MINUTE + 5 * SECOND)
    await node.environment.advanceAndSettle(3 * MINUTE)
    expect(node.store.calls.filter(({ method }) => method === 'sweep')).toHaveLength(5)
    expect(
      node.events.of('store-failed').map(({ error }) => (error as Error & { code: string }).code),
    ).toEqual(['ERR_STORE_UNAVAILABLE', 'ERR_STORE_TIMEOUT'])
    expect(node.errors).toEqual([])
  })

  it('ends with close, also in the middle of its slices', async () => {
    const node = createNode({ sweepInterval: '1m', idleTimeout: '10s', maxSessions: false })
    await Promise.all(Array.from({ length: 300 }, () => login(node, 'ada')))
    const goOn = node.store.hang('sweep', { times: 1 })
    await node.environment.advanceAndSettle(MINUTE)
    const closing = node.manager.close()
    goOn()
    await closing
    await node.environment.advanceAndSettle(HOUR)
    expect(node.store.calls.filter(({ method }) => method === 'sweep')).toHaveLength(1)
  })

  it('does not run on a node that leaves it to others', async () => {
    const node = createNode({ sweepInterval: false })
    await node.manager.open()
    await node.environment.advanceAndSettle(24 * HOUR)
    expect(node.store.calls.map(({ method }) => method)).toEqual(['open'])
  })
})
