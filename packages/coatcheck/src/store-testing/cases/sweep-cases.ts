import type { SessionId } from '../../core/record.ts'
import { expectEnded, expectEqual, expectLive, expectTrue } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { ABSOLUTE, IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

export const sweepCases: readonly StoreCase[] = [
  contractCase('sweep of an empty store finds nothing to do', async (t) => {
    const store = await t.open()
    const result = await store.sweep({ limit: 10 })
    expectEqual(result, { ended: [], tombstonesRemoved: 0, more: false }, 'sweep')
  }),

  contractCase('STO-07 sweep ends a session at its deadline and not just before', async (t) => {
    const store = await t.open()
    const idle = await t.created(store, { userId: 'user-1' })
    const absolute = await t.created(store, { absoluteTimeout: IDLE, idleTimeout: ABSOLUTE })
    await t.advance(IDLE - t.precision)
    expectEqual((await t.swept(store)).ended, [], 'ended just before the deadline')
    for (const { id } of [idle, absolute]) expectLive(await store.find(id), 'just before the deadline')
    await t.advance(t.precision)
    expectEqual(
      byId((await t.swept(store)).ended),
      byId([
        { id: idle.id, userId: 'user-1', reason: 'idle' },
        { id: absolute.id, userId: null, reason: 'absolute' },
      ]),
      'ended at the deadline',
    )
    expectEnded(await store.find(idle.id), 'idle', 'the idle one')
    expectEnded(await store.find(absolute.id), 'absolute', 'the old one')
  }),

  contractCase('sweep ends at most as many as its limit and says when there is more', async (t) => {
    const store = await t.open()
    const ids: SessionId[] = []
    for (let i = 0; i < 7; i++) ids.push((await t.created(store)).id)
    await t.advance(IDLE)
    const first = await store.sweep({ limit: 3 })
    expectTrue(first.ended.length <= 3, `the first slice ended ${first.ended.length}`)
    expectEqual(first.more, true, 'more')
    const rest = await t.swept(store, 3)
    expectEqual([...first.ended, ...rest.ended].map(({ id }) => id).sort(), ids.sort(), 'all that were ended')
    expectEqual((await t.swept(store, 3)).ended, [], 'what another sweep ends')
  }),

  contractCase('STO-07 sweep leaves live sessions alone among many that are over', async (t) => {
    const [a, b] = await t.nodes()
    const live: SessionId[] = []
    const over: SessionId[] = []
    for (let i = 0; i < 90; i++) {
      const idleTimeout = i % 3 === 0 ? IDLE : 10 * t.precision
      const { id } = await t.created(a, { userId: `user-${i % 5}`, idleTimeout })
      ;(i % 3 === 0 ? live : over).push(id)
    }
    await t.advance(10 * t.precision)
    const { ended } = await t.swept(b, 7)
    expectEqual(ended.map(({ id }) => id).sort(), over.sort(), 'the sessions ended')
    for (const id of live) expectLive(await a.find(id), 'a live session')
  }),

  contractCase('sweep goes by the last touch', async (t) => {
    const [a, b] = await t.nodes()
    const touched = await t.created(a)
    const left = await t.created(a)
    await t.advance(IDLE - 10 * t.precision)
    await b.touch([{ id: touched.id, ago: 0 }])
    await t.advance(20 * t.precision)
    expectEqual(
      (await t.swept(a)).ended.map(({ id }) => id),
      [left.id],
      'ended',
    )
    expectLive(await b.find(touched.id), 'the touched session')
  }),

  contractCase('sweep reports no session whose end has been reported', async (t) => {
    const store = await t.open()
    const found = await t.created(store)
    await t.ended(store)
    const old = await t.created(store)
    await store.replace(old.id, t.session({ idleTimeout: 2 * IDLE }), t.replacing())
    await t.advance(IDLE)
    expectEnded(await store.find(found.id), 'idle', 'find')
    expectEqual((await t.swept(store)).ended, [], 'ended')
  }),

  contractCase('STO-07 a tombstone stays for its retention and goes after it', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.ended(a)
    await t.advance(t.tombstoneRetention - t.precision)
    expectEqual((await t.swept(a)).tombstonesRemoved, 0, 'tombstones removed before the retention is over')
    expectEnded(await b.find(id), 'revoked', 'the session')
    await t.advance(2 * t.precision)
    expectEqual((await t.swept(b)).tombstonesRemoved, 1, 'tombstones removed after it')
    expectEqual(await a.find(id), { status: 'unknown' }, 'the session after it')
    expectEqual((await t.swept(b)).tombstonesRemoved, 0, 'tombstones removed by another sweep')
  }),

  contractCase('sweep removes at most as many tombstones as its limit', async (t) => {
    const store = await t.open()
    for (let i = 0; i < 7; i++) await t.ended(store)
    await t.advance(t.tombstoneRetention + t.precision)
    const first = await store.sweep({ limit: 3 })
    expectTrue(first.tombstonesRemoved <= 3, `the first slice removed ${first.tombstonesRemoved}`)
    expectEqual(first.more, true, 'more')
    const rest = await t.swept(store, 3)
    expectEqual(first.tombstonesRemoved + rest.tombstonesRemoved, 7, 'all that were removed')
  }),

  contractCase('P1 a session without its tombstone stays dead', async (t) => {
    const store = await t.open()
    const before = await t.ended(store, { userId: 'user-1' })
    await t.advance(t.tombstoneRetention + t.precision)
    await t.swept(store)
    const write = await t.mutate(store, before.id, { kind: 'set', field: 'n', value: 1 })
    expectEqual(write, { outcome: 'gone', tombstone: null }, 'mutate')
    const rotation = await store.rotate(before.id, t.rotating(before))
    expectEqual(rotation, { outcome: 'gone', tombstone: null }, 'rotate')
    await store.touch([{ id: before.id, ago: 0 }])
    expectEqual(await store.find(before.id), { status: 'unknown' }, 'find')
    expectEqual(await t.listed(store, 'user-1'), [], 'the list')
  }),

  contractCase('P1 a touch in a race with sweep saves only what was live', async (t) => {
    const [a, b] = await t.nodes()
    const ids: SessionId[] = []
    for (let i = 0; i < 20; i++) ids.push((await t.created(a)).id)
    await t.advance(IDLE)
    const batch = ids.map((id) => ({ id, ago: 0 }))
    const [, { ended }] = await Promise.all([a.touch(batch), b.sweep({ limit: 100 }), a.touch(batch)])
    expectTrue(ended.length <= 20, 'the number ended')
    for (const id of ids) expectEnded(await b.find(id), 'idle', 'a session past its deadline')
  }),

  contractCase('a limit of one makes progress with every slice', async (t) => {
    const store = await t.open()
    for (let i = 0; i < 4; i++) await t.created(store)
    await t.created(store, { idleTimeout: 2 * IDLE })
    await t.advance(IDLE)
    expectEqual((await t.swept(store, 1)).ended.length, 4, 'the number ended')
  }),
]

function byId<T extends { readonly id: SessionId }>(items: readonly T[]): readonly T[] {
  return [...items].sort((a, b) => (a.id < b.id ? -1 : 1))
}
