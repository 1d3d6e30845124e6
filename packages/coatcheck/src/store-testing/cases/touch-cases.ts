import type { SessionRecord } from '../../core/record.ts'
import { expectEnded, expectEqual, expectLive, expectTrue } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

export const touchCases: readonly StoreCase[] = [
  contractCase('touch moves the last use to ago before now by the clock of the store', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.created(a)
    await t.advance(10 * t.precision)
    const now = await t.now(a)
    await a.touch([{ id, ago: 3 * t.precision }])
    const { lastSeenAt } = await t.record(b, id)
    const off = lastSeenAt - (now - 3 * t.precision)
    expectTrue(off >= 0 && off < t.precision, `lastSeenAt is ${off} ms off`)
  }),

  contractCase('touch changes the last use and nothing else', async (t) => {
    const store = await t.open()
    const before = await t.created(store, { userId: 'user-1', data: { n: 1 } })
    await t.advance(10 * t.precision)
    await store.touch([{ id: before.id, ago: 0 }])
    const after = await t.record(store, before.id)
    expectTrue(after.lastSeenAt > before.lastSeenAt, 'lastSeenAt moved')
    expectEqual({ ...after, lastSeenAt: before.lastSeenAt }, before, 'the rest of the record')
  }),

  contractCase('touch never moves the last use back', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.created(a)
    await t.advance(20 * t.precision)
    await a.touch([{ id, ago: 0 }])
    const { lastSeenAt } = await t.record(a, id)
    await b.touch([{ id, ago: 10 * t.precision }])
    await b.touch([{ id, ago: 365 * 86_400_000 }])
    expectEqual((await t.record(a, id)).lastSeenAt, lastSeenAt, 'lastSeenAt')
  }),

  contractCase('EXP-04 touch moves the idle deadline and not the absolute one', async (t) => {
    const store = await t.open()
    const { id, expiresAt } = await t.created(store)
    await t.advance(IDLE - t.precision)
    await store.touch([{ id, ago: 0 }])
    await t.advance(IDLE - t.precision)
    const { record } = expectLive(await store.find(id), 'just before the new idle deadline')
    expectEqual(record.expiresAt, expiresAt, 'expiresAt')
    await t.advance(2 * t.precision)
    expectEnded(await store.find(id), 'idle', 'after the new idle deadline')
  }),

  contractCase('P1 touch never revives an ended session', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.ended(a, { userId: 'user-1' })
    await b.touch([{ id, ago: 0 }])
    expectEnded(await a.find(id), 'revoked', 'the session')
    expectEqual(await t.listed(a, 'user-1'), [], 'the list')
  }),

  contractCase('P1 touch does not save a session past its deadline, whenever it was used', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    await t.advance(IDLE)
    await store.touch([{ id, ago: 10 * t.precision }])
    expectEnded(await store.find(id), 'idle', 'the session')
  }),

  contractCase('touch passes over ended and unknown ids and records the others', async (t) => {
    const store = await t.open()
    const first = await t.created(store)
    const ended = await t.ended(store)
    const last = await t.created(store)
    await t.advance(10 * t.precision)
    const ids = [first.id, ended.id, t.id(), last.id]
    await store.touch(ids.map((id) => ({ id, ago: 0 })))
    for (const { id, lastSeenAt } of [first, last]) {
      expectTrue((await t.record(store, id)).lastSeenAt > lastSeenAt, 'a live session was touched')
    }
    expectEnded(await store.find(ended.id), 'revoked', 'the ended session')
  }),

  contractCase('touch of nothing is nothing', async (t) => {
    const store = await t.open()
    await store.touch([])
  }),

  contractCase('touch takes large batches, and an id more than once', async (t) => {
    const store = await t.open()
    const records: SessionRecord[] = []
    for (let i = 0; i < 60; i++) records.push(await t.created(store))
    await t.advance(20 * t.precision)
    const batch = records.map(({ id }) => ({ id, ago: 10 * t.precision }))
    await store.touch([...batch, ...batch.map(({ id }) => ({ id, ago: 0 })), ...batch])
    const now = await t.now(store)
    for (const { id } of records) {
      const { lastSeenAt } = await t.record(store, id)
      expectTrue(now - lastSeenAt < 5 * t.precision, `the last use is ${now - lastSeenAt} ms ago`)
    }
  }),

  contractCase('a rotation rides along with touch', async (t) => {
    const [a, b] = await t.nodes()
    const before = await t.created(a)
    await t.advance(10 * t.precision)
    const change = t.rotating(before)
    await a.touch([{ id: before.id, ago: 0, rotation: change }])
    const after = await t.record(b, before.id)
    expectEqual(after.rotation, change.next, 'the rotating half')
    expectTrue(after.lastSeenAt > before.lastSeenAt, 'lastSeenAt moved')
  }),

  contractCase(
    'STO-10 a rotation that rides along is dropped on conflict, and the touch is not',
    async (t) => {
      const store = await t.open()
      const before = await t.created(store)
      const winner = t.rotating(before)
      await store.rotate(before.id, winner)
      await t.advance(10 * t.precision)
      const other = await t.created(store)
      const otherChange = t.rotating(other)
      await store.touch([
        { id: before.id, ago: 0, rotation: t.rotating(before) },
        { id: other.id, ago: 0, rotation: otherChange },
      ])
      const after = await t.record(store, before.id)
      expectEqual(after.rotation, winner.next, 'the rotating half')
      expectTrue(after.lastSeenAt > before.lastSeenAt, 'lastSeenAt moved')
      expectEqual((await t.record(store, other.id)).rotation, otherChange.next, 'the other in the batch')
    },
  ),

  contractCase('a rotation rides along where the last use does not move', async (t) => {
    const store = await t.open()
    const before = await t.created(store)
    const change = t.rotating(before)
    await store.touch([{ id: before.id, ago: 60_000, rotation: change }])
    expectEqual((await t.record(store, before.id)).rotation, change.next, 'the rotating half')
  }),
]
