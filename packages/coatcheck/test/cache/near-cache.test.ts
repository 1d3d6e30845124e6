import { describe, expect, it } from 'vitest'
import type { Validation } from '../../src/core/validator.ts'
import { HeldFeed } from '../helpers/held-feed.ts'
import type { Node, NodeOptions } from '../helpers/nodes.ts'
import {
  createNode,
  createNodes,
  login,
  MINUTE,
  SECOND,
  sessionOf,
  start,
  validate,
} from '../helpers/nodes.ts'

const CACHED: NodeOptions = { nearCache: true }

describe('a validated session', () => {
  it('is answered from memory the second time, without a call to the store', async () => {
    const { node, token } = await signedIn()
    await sessionOf(node, token)
    node.store.clearCalls()
    for (let i = 0; i < 5; i++) {
      const session = await sessionOf(node, token)
      expect(session.record).toMatchObject({ userId: 'ada', data: { theme: 'dark' } })
    }
    expect(node.store.calls).toEqual([])
  })

  it('comes with everything that the store has of it', async () => {
    const { node, token } = await signedIn()
    const fromStore = await sessionOf(node, token)
    const cached = await sessionOf(node, token)
    expect(cached.isFromCache).toBe(true)
    expect(cached.record).toEqual(fromStore.record)
    expect(cached.now()).toBe(fromStore.now())
    expect(cached.remaining()).toEqual(fromStore.remaining())
    expect(cached.secret).toEqual(fromStore.secret)
    expect(cached.slot).toBe(fromStore.slot)
  })

  it('is frozen, since requests share it', async () => {
    const { node, token } = await signedIn()
    await sessionOf(node, token)
    const { record } = await sessionOf(node, token)
    expect(Object.isFrozen(record.data)).toBe(true)
    expect(Object.isFrozen(record.device)).toBe(true)
  })

  it('is asked of the store where a request wants that', async () => {
    const { node, token } = await signedIn()
    await sessionOf(node, token)
    node.store.clearCalls()
    await validate(node, token, { consistency: 'strong' })
    expect(node.store.calls.map(({ method }) => method)).toEqual(['find'])
  })

  it('TRN-03 is not accepted on another transport', async () => {
    const { node, token } = await signedIn()
    await sessionOf(node, token)
    expect(await validate(node, token, { transport: 'bearer' })).toMatchObject({
      ok: false,
      reason: 'transport',
    })
  })

  it('TOK-05 is met by its whole token alone', async () => {
    const { node, token } = await signedIn()
    await sessionOf(node, token)
    for (const wrong of [`${token.slice(0, -1)}A`, token.slice(1), `${token}A`, '']) {
      expect((await validate(node, wrong)).ok).toBe(false)
    }
  })
})

describe('P7 an end', () => {
  it.each<[string, (node: Node, validation: Accepted) => unknown]>([
    ['logout', (node, { session }) => node.manager.logout(session)],
    ['revoke', (node, { session }) => node.manager.revoke(session.record.id)],
    ['revokeUser', (node) => node.manager.revokeUser('ada')],
    ['revokeEveryone', (node) => node.manager.revokeEveryone()],
    ['login in its place', (node, { session }) => login(node, 'ada', {}, session)],
    ['the limit', (node) => login(node, 'ada')],
  ])('by %s is seen by the next validation here and elsewhere', async (_, end) => {
    const [one, two] = createNodes({ ...CACHED, maxSessions: { count: 1, onLimit: 'evict-idle' } })
    const { token } = await login(one, 'ada')
    for (const node of [one, one, two, two]) await sessionOf(node, token)
    await end(one, (await validate(one, token)) as Accepted)
    for (const node of [one, two]) expect((await validate(node, token)).ok).toBe(false)
  })

  it('leaves what is excepted, and others, alone', async () => {
    const { node, token } = await signedIn()
    const other = await login(node, 'bob')
    const kept = await login(node, 'ada')
    for (const each of [token, other.token, kept.token]) await sessionOf(node, each)
    await node.manager.revokeUser('ada', { except: kept.session.record.id })
    expect((await validate(node, token)).ok).toBe(false)
    await sessionOf(node, kept.token)
    node.store.clearCalls()
    await sessionOf(node, other.token)
    expect(node.store.calls).toEqual([])
  })

  it('P8 by a deadline is not slept through, whoever asks', async () => {
    const node = createNode({ ...CACHED, idleTimeout: '10m', touchInterval: 0 })
    const { token } = await login(node, 'ada')
    await sessionOf(node, token)
    node.environment.advance(10 * MINUTE)
    expect(await validate(node, token)).toMatchObject({ ok: false, reason: 'expired' })
  })
})

describe('P2 what was written', () => {
  it('is read by the next request, here and elsewhere', async () => {
    const [one, two] = createNodes(CACHED)
    const { token } = await login(one, 'ada', { data: { n: 1 } })
    for (const node of [one, two]) await sessionOf(node, token)
    await one.manager.write(await sessionOf(one, token), [{ kind: 'add', field: 'n', amount: 1 }])
    for (const node of [one, two]) expect((await sessionOf(node, token)).record.data).toEqual({ n: 2 })
  })
})

describe('the lease', () => {
  it('is renewed by probes while it is asked for, and taken up again after that', async () => {
    const { node, token } = await signedIn()
    await sessionOf(node, token)
    for (const pause of [SECOND, 3 * SECOND, 20 * SECOND]) {
      await node.environment.advanceAndSettle(pause)
      node.store.clearCalls()
      await sessionOf(node, token)
      expect(node.store.calls).toEqual([])
    }
  })

  it('P7 goes out at maxStaleness after the sending of the last probe that came back', async () => {
    const { node, token, feed } = await signedIn()
    await sessionOf(node, token)
    await node.environment.advanceAndSettle(600)
    feed.hold()
    await node.environment.advanceAndSettle(899)
    expect((await sessionOf(node, token)).isFromCache).toBe(true)
    await node.environment.advanceAndSettle(1)
    expect((await sessionOf(node, token)).isFromCache).toBe(false)
    feed.release()
    expect((await sessionOf(node, token)).isFromCache).toBe(true)
  })

  it('P7 is not renewed by an echo that comes too late, whatever was sent after it', async () => {
    const { node, token, feed } = await signedIn()
    await sessionOf(node, token)
    feed.hold()
    await node.environment.advanceAndSettle(3 * SECOND)
    feed.release(1)
    expect((await sessionOf(node, token)).isFromCache).toBe(false)
  })

  it('ends with a step of the wall clock, though the other stands still', async () => {
    const { node, token } = await signedIn()
    await sessionOf(node, token)
    node.environment.stepWallClock(SECOND)
    node.store.clearCalls()
    await sessionOf(node, token)
    expect(node.store.calls).toHaveLength(1)
  })
})

describe('P8 activity', () => {
  it('is written once per interval, and seen by whoever asks for it', async () => {
    const node = createNode({ ...CACHED, idleTimeout: '10m', touchInterval: '1m' })
    const { token } = await login(node, 'ada')
    await sessionOf(node, token)
    node.store.clearCalls()
    for (let i = 0; i < 60; i++) {
      await node.environment.advanceAndSettle(5 * SECOND)
      const session = await sessionOf(node, token)
      expect(session.remaining().idle).toBeGreaterThanOrEqual(9 * MINUTE)
    }
    expect(node.store.writes.map(({ method }) => method)).toEqual(Array(5).fill('touch'))
  })

  it('that could not be written is written by the next use', async () => {
    const node = createNode({ ...CACHED, touchInterval: '1m' })
    const { token } = await login(node, 'ada')
    await sessionOf(node, token)
    await node.environment.advanceAndSettle(MINUTE)
    node.store.fail('touch', undefined, { times: 1 })
    await sessionOf(node, token)
    await node.environment.settle()
    node.store.clearCalls()
    await sessionOf(node, token)
    await node.environment.settle()
    expect(node.store.calls.map(({ method }) => method)).toEqual(['find', 'touch'])
  })
})

describe('rotation', () => {
  it('P3 happens on time, and settles, as without a cache', async () => {
    const node = createNode({ ...CACHED, rotateEvery: '15m', idleTimeout: '1h' })
    const { token } = await login(node, 'ada')
    await sessionOf(node, token)
    await node.environment.advanceAndSettle(15 * MINUTE)
    const session = await sessionOf(node, token)
    expect(session.isFromCache).toBe(false)
    const successor = await node.manager.tokenFor(session)
    expect(successor).not.toBeNull()
    await sessionOf(node, successor ?? '')
    await node.environment.advanceAndSettle(2 * MINUTE)
    await sessionOf(node, successor ?? '')
    await node.environment.settle()
    expect(await validate(node, token)).toMatchObject({ ok: false, reason: 'reuse' })
  })

  it('of a bearer waits for who asks, and does not empty the cache', async () => {
    const node = createNode({ ...CACHED, rotateEvery: '15m', idleTimeout: '1h' })
    const { token } = await login(node, 'ada', { transport: 'bearer' })
    await validate(node, token, { transport: 'bearer' })
    await node.environment.advanceAndSettle(16 * MINUTE)
    await validate(node, token, { transport: 'bearer' })
    const again = (await validate(node, token, { transport: 'bearer' })) as Accepted
    expect(again.session.isFromCache).toBe(true)
    expect(await node.manager.tokenFor(again.session)).not.toBeNull()
  })
})

describe('P10 an outage of the store', () => {
  it('is seen by every request once the lease is out, unless told otherwise', async () => {
    const { node, token, feed } = await signedIn()
    await sessionOf(node, token)
    feed.hold()
    node.store.fail('find')
    expect((await sessionOf(node, token)).isFromCache).toBe(true)
    await node.environment.advanceAndSettle(SECOND)
    await expect(validate(node, token)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })

  it('is bridged with what was last known for as long as unsafeServeStale says', async () => {
    const { node, token, feed } = await signedIn({ unsafeServeStale: '30s' })
    await sessionOf(node, token)
    feed.hold()
    node.store.fail('find')
    await node.environment.advanceAndSettle(31 * SECOND - 1)
    expect((await sessionOf(node, token)).record.userId).toBe('ada')
    expect(node.events.of('served-stale')).toMatchObject([{ userId: 'ada' }])
    await expect(validate(node, token, { onOutage: 'fail' })).rejects.toThrow()
    await expect(validate(node, token, { consistency: 'strong' })).rejects.toThrow()
    await node.environment.advanceAndSettle(1)
    await expect(validate(node, token)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
  })

  it.each<[string, (node: Node, session: Accepted['session']) => unknown]>([
    ['that has ended', (node, session) => node.manager.logout(session)],
    ['of a user who was signed out everywhere', (node) => node.manager.revokeUser('ada')],
    ['of anybody, when everyone was signed out', (node) => node.manager.revokeEveryone()],
    ['whose deadline has passed', (node) => node.environment.advanceAndSettle(10 * MINUTE)],
  ])('P1 P8 does not bring back a session %s', async (_, end) => {
    const { node, token } = await signedIn({ unsafeServeStale: '1h', idleTimeout: '10m', touchInterval: 0 })
    await end(node, await sessionOf(node, token))
    node.store.fail('find')
    await expect(validate(node, token)).rejects.toThrow()
  })

  it('P10 closes what hangs on a session, and with unsafeServeStale not before that has passed', async () => {
    const { node, token, feed } = await signedIn({ unsafeServeStale: '30s' })
    const { record } = await sessionOf(node, token)
    const signal = node.manager.holdSignal(record.id)
    await node.environment.advanceAndSettle(SECOND)
    feed.hold()
    node.store.fail('find')
    await node.environment.advanceAndSettle(30 * SECOND)
    expect(signal.aborted).toBe(false)
    await node.environment.advanceAndSettle(2 * SECOND)
    expect(signal.reason).toMatchObject({ message: 'The session has ended (store failed).' })
  })
})

describe('the signal of a session', () => {
  it('P7 fires when the feed tells of an end elsewhere, without waiting for a look', async () => {
    const [one, two] = createNodes(CACHED)
    const { session } = await login(one, 'ada')
    await two.manager.open()
    const signal = two.manager.holdSignal(session.record.id)
    await one.manager.logout(session)
    await two.environment.settle()
    expect(signal.aborted).toBe(true)
  })

  it('P8 fires at the deadline, also where the store took long to answer the look before', async () => {
    const { node, token } = await signedIn({ idleTimeout: '10m' })
    const { record } = await sessionOf(node, token)
    const signal = node.manager.holdSignal(record.id)
    node.store.slow('find', 4 * SECOND, { times: 1 })
    await node.environment.advanceAndSettle(10 * MINUTE + 31 * SECOND)
    expect(signal.reason).toMatchObject({ message: 'The session has ended (idle).' })
  })

  it('asks nothing of the store while the feed tells, but for its deadlines', async () => {
    const { node, token } = await signedIn({ idleTimeout: '10m' })
    const { record } = await sessionOf(node, token)
    const signal = node.manager.holdSignal(record.id)
    await node.environment.advanceAndSettle(SECOND)
    node.store.clearCalls()
    await node.environment.advanceAndSettle(9 * MINUTE)
    expect(node.store.calls).toEqual([])
    await node.environment.advanceAndSettle(2 * MINUTE)
    expect(signal.reason).toMatchObject({ message: 'The session has ended (idle).' })
  })
})

describe('the size bound', () => {
  it('holds, and puts out first what nobody uses', async () => {
    const node = createNode({ nearCache: { maxSessions: 10 }, maxSessions: false })
    const hot = await start(node)
    await sessionOf(node, hot.token)
    for (let i = 0; i < 50; i++) {
      await sessionOf(node, (await start(node)).token)
      await sessionOf(node, hot.token)
    }
    expect(node.cache?.counts()).toMatchObject({ sessions: 10, evictions: 41 })
    node.store.clearCalls()
    await sessionOf(node, hot.token)
    expect(node.store.calls).toEqual([])
  })
})

type Accepted = Extract<Validation, { ok: true }>

async function signedIn(options: NodeOptions = {}) {
  const feed = new HeldFeed()
  const node = createNode({ ...CACHED, ...options, store: feed.store })
  const { token } = await login(node, 'ada', { data: { theme: 'dark' } })
  return { node, token, feed }
}
