import { describe, expect, it } from 'vitest'
import { LINK_FIELD, linksOf } from '../../src/core/links.ts'
import type { SessionId } from '../../src/core/record.ts'
import { memory } from '../../src/stores/memory.ts'
import {
  createNodes,
  dataOf,
  HOUR,
  login,
  MINUTE,
  type Node,
  SECOND,
  sessionOf,
  stepUp,
  validate,
  verdictOf,
} from '../helpers/nodes.ts'

/** A session and one that it was handed over to, on nodes of their own. */
async function linked() {
  const nodes = createNodes({ store: memory() })
  const [a, b] = nodes
  const first = await login(a, 'ada')
  const second = await handOver(b, first.session.record.id, { n: 1 })
  return { a, b, first, second }
}

async function handOver(node: Node, from: SessionId, data = {}, userId = 'ada') {
  const issued = await login(node, userId, { data: { ...data, [LINK_FIELD]: [from] }, handedOver: HOUR })
  await node.manager.link(from, issued.session.record.id)
  return issued
}

type Pair = Awaited<ReturnType<typeof linked>>

describe('P9 sessions that are linked', () => {
  it.each<readonly [string, (pair: Pair) => Promise<unknown>]>([
    ['a logout here', async ({ a, first }) => a.manager.logout(await sessionOf(a, first.token))],
    ['a logout there', async ({ b, second }) => b.manager.logout(await sessionOf(b, second.token))],
    ['a revocation here', ({ a, first }) => a.manager.revoke(first.session.record.id)],
    [
      'a revocation there, of the user',
      ({ b, second }) => b.manager.revoke(second.session.record.id, { ofUser: 'ada' }),
    ],
    ['the end of the user', ({ a }) => a.manager.revokeUser('ada')],
  ])('end together by %s, before it is reported as done', async (_how, end) => {
    const pair = await linked()
    await end(pair)
    const { a, b, first, second } = pair
    for (const { session } of [first, second]) expect(await a.manager.find(session.record.id)).toBeNull()
    expect(await verdictOf(a, first.token)).toBe('ended')
    expect(await verdictOf(b, second.token)).toBe('ended')
  })

  it('of three sites end together, whichever ends first', async () => {
    const { a, b, first, second } = await linked()
    const third = await handOver(b, first.session.record.id)
    await b.manager.logout(await sessionOf(b, third.token))
    expect(await verdictOf(a, first.token)).toBe('ended')
    expect(await verdictOf(b, second.token)).toBe('ended')
  })

  it('P7 end within maxStaleness where the node that ended one stopped before the others', async () => {
    const { a, b, first, second } = await linked()
    expect(await verdictOf(b, second.token)).toBe('ok')
    await a.store.end(first.session.record.id, { reason: 'logout' })
    b.environment.advance(SECOND)
    expect(await verdictOf(b, second.token)).toBe('ended')
    expect(b.events.of('ended')).toMatchObject([{ sessionId: second.session.record.id, reason: 'linked' }])
  })

  it('P7 the signal of one fires within maxStaleness for the end of the other, also of one cut short', async () => {
    const { a, b, first, second } = await linked()
    const signal = b.manager.holdSignal(second.session.record.id)
    await b.environment.advanceAndSettle(SECOND)
    expect(signal.aborted).toBe(false)
    await a.store.end(first.session.record.id, { reason: 'logout' })
    await b.environment.advanceAndSettle(2 * SECOND)
    expect(signal.aborted).toBe(true)
  })

  it('P4 the other ends, too, where one is ended for reuse', async () => {
    const { a, b, first, second } = await linked()
    a.environment.advance(15 * MINUTE)
    const successor = await a.manager.tokenFor(await sessionOf(a, first.token))
    a.environment.advance(2 * MINUTE)
    await sessionOf(a, successor ?? '')
    await a.manager.flush()
    a.environment.advance(2 * MINUTE)
    expect(await verdictOf(a, first.token)).toBe('reuse')
    expect(await verdictOf(b, second.token)).toBe('ended')
  })

  it('EXP-01 an end that only the clock decided is not the other’s', async () => {
    const { a, b, first, second } = await linked()
    for (let i = 0; i < 4; i++) {
      a.environment.advance(10 * MINUTE)
      expect(await verdictOf(b, second.token)).toBe('ok')
      await b.manager.flush()
    }
    expect(await verdictOf(a, first.token)).toBe('expired')
    expect(linksOf((await sessionOf(b, second.token)).record)).toEqual([])
  })

  it('EXP-02 the other lives no longer than what it was handed over from, and was proven by nobody', async () => {
    const { b, second } = await linked()
    const { record } = second.session
    expect(record.expiresAt - record.createdAt).toBe(HOUR)
    expect(record.authenticatedAt).toBeNull()
    expect((await sessionOf(b, second.token)).authenticatedWithin(HOUR)).toBe(false)
  })

  it('P5 stay linked where one takes a new id by a step-up or a login of the same user', async () => {
    const { a, b, first, second } = await linked()
    const stepped = await stepUp(a, first.token)
    b.environment.advance(SECOND)
    expect(await verdictOf(b, second.token)).toBe('ok')
    const again = await login(a, 'ada', {}, await sessionOf(a, stepped.token))
    b.environment.advance(SECOND)
    expect(await verdictOf(b, second.token)).toBe('ok')
    await b.manager.logout(await sessionOf(b, second.token))
    expect(await verdictOf(a, again.token)).toBe('ended')
  })

  it('ROT-03 the other ends where somebody else signs in', async () => {
    const { a, b, first, second } = await linked()
    const other = await login(a, 'bob', {}, await sessionOf(a, first.token))
    b.environment.advance(SECOND)
    expect(await verdictOf(b, second.token)).toBe('ended')
    expect(await verdictOf(a, other.token)).toBe('ok')
  })

  it('LIO-08 keep each other where all others of the user are ended', async () => {
    const { a, b, first, second } = await linked()
    const elsewhere = await login(a, 'ada')
    expect(await a.manager.revokeUser('ada', { except: first.session.record.id })).toBe(1)
    a.environment.advance(SECOND)
    expect(await verdictOf(a, first.token)).toBe('ok')
    expect(await verdictOf(b, second.token)).toBe('ok')
    expect(await verdictOf(a, elsewhere.token)).toBe('ended')
  })

  it('CON-05 no session of another user is ended or written to, whatever its id was put into', async () => {
    const { a } = await linked()
    const bobs = await login(a, 'bob')
    const malicious = await login(a, 'eve', { data: { [LINK_FIELD]: [bobs.session.record.id] } })
    expect(await verdictOf(a, malicious.token)).toBe('ended')
    expect(await dataOf(a, bobs.token)).toEqual({})
    const second = await login(a, 'eve', { data: { [LINK_FIELD]: [bobs.session.record.id] } })
    await a.manager.revoke(second.session.record.id)
    expect(await verdictOf(a, bobs.token)).toBe('ok')
  })

  it('P10 a store that cannot say refuses the request and ends nothing', async () => {
    const { a, b, second } = await linked()
    b.environment.advance(SECOND)
    const { find } = b.store
    let asked = 0
    b.store.find = (id) => {
      asked++
      if (asked === 2) throw new Error('down')
      return find.call(b.store, id)
    }
    await expect(validate(b, second.token)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(await verdictOf(b, second.token)).toBe('ok')
    expect(a.events.of('ended')).toEqual([])
  })

  it('P8 cost one look at the other per maxStaleness', async () => {
    const { b, second } = await linked()
    await sessionOf(b, second.token)
    b.store.clearCalls()
    for (let i = 0; i < 10; i++) await sessionOf(b, second.token)
    expect(b.store.calls.map(({ method }) => method)).toEqual(Array(10).fill('find'))
    b.environment.advance(SECOND)
    b.store.clearCalls()
    await sessionOf(b, second.token)
    expect(b.store.calls.map(({ method }) => method)).toEqual(['find', 'find'])
  })
})

describe('P8 frames that count as activity', () => {
  it('cost at most one write per touch interval, however many connections and requests there are', async () => {
    const [node] = createNodes()
    const { token, session } = await login(node, 'ada')
    const { id } = session.record
    node.manager.holdSignal(id)
    node.store.clearCalls()
    for (let second = 0; second < 600; second++) {
      node.environment.advance(SECOND)
      for (let frame = 0; frame < 5; frame++) node.manager.used(id)
      if (second % 7 === 0) await sessionOf(node, token)
      await node.environment.settle()
    }
    await node.manager.flush()
    const writes = node.store.calls.filter(({ method }) => method === 'touch')
    expect(writes.length).toBeGreaterThan(8)
    expect(writes.length).toBeLessThanOrEqual(10)
  })

  it('keep a session alive beyond its idle timeout, and nothing else does', async () => {
    const [node] = createNodes()
    const [used, unused] = [await login(node, 'ada'), await login(node, 'ada')]
    node.manager.holdSignal(used.session.record.id)
    node.manager.holdSignal(unused.session.record.id)
    for (let minute = 0; minute < 60; minute++) {
      await node.environment.advanceAndSettle(MINUTE)
      node.manager.used(used.session.record.id)
      await node.environment.settle()
    }
    expect(await verdictOf(node, used.token)).toBe('ok')
    expect(await verdictOf(node, unused.token)).toBe('expired')
  })

  it('are nothing where the session is over, or nobody holds its signal', async () => {
    const [node] = createNodes()
    const { session } = await login(node, 'ada')
    node.store.clearCalls()
    node.manager.used(session.record.id)
    expect(node.store.calls).toEqual([])
    node.manager.holdSignal(session.record.id)
    await node.manager.logout(session)
    node.manager.used(session.record.id)
    await node.environment.settle()
    expect(node.store.calls.map(({ method }) => method)).not.toContain('touch')
  })
})
