import { expectEnded, expectEqual, expectOutcome } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

export const rotateCases: readonly StoreCase[] = [
  contractCase('rotate stores the whole new rotating half, and changes nothing else', async (t) => {
    const [a, b] = await t.nodes()
    let before = await t.created(a, { userId: 'user-1', data: { n: 1 } })
    for (let round = 0; round < 3; round++) {
      await t.advance(1_000)
      const change = t.rotating(before)
      const { record } = expectOutcome(await a.rotate(before.id, change), 'ok', 'rotate')
      expectEqual(record, { ...before, rotation: change.next }, 'the record answered')
      expectEqual(await t.record(b, before.id), record, 'the record found')
      before = record
    }
  }),

  contractCase(
    'STO-10 rotate answers conflict with the record as it is where the revision differs',
    async (t) => {
      const [a, b] = await t.nodes()
      const before = await t.created(a)
      const winner = t.rotating(before)
      const loser = t.rotating(before)
      await a.rotate(before.id, winner)
      const { record } = expectOutcome(await b.rotate(before.id, loser), 'conflict', 'the second rotate')
      expectEqual(record.rotation, winner.next, 'the rotating half answered')
      expectEqual((await t.record(a, before.id)).rotation, winner.next, 'the rotating half found')
      const ahead = { ...loser, ifRevision: winner.next.revision + 1 }
      expectOutcome(await b.rotate(before.id, ahead), 'conflict', 'rotate of a revision to come')
    },
  ),

  contractCase('STO-10 of 50 parallel rotations exactly one wins', async (t) => {
    const nodes = await t.nodes()
    const before = await t.created(nodes[0])
    const changes = Array.from({ length: 50 }, () => t.rotating(before))
    const results = await Promise.all(
      changes.map((change, i) => (nodes[i % 3] ?? nodes[0]).rotate(before.id, change)),
    )
    const won = changes.filter((_, i) => results[i]?.outcome === 'ok')
    expectEqual(won.length, 1, 'the number of rotations that won')
    const { rotation } = await t.record(nodes[1], before.id)
    expectEqual(rotation, won[0]?.next, 'the rotating half')
    for (const result of results) {
      if (result.outcome === 'conflict') expectEqual(result.record.rotation, rotation, 'a loser was told')
    }
  }),

  contractCase('P8 rotate moves no deadline', async (t) => {
    const store = await t.open()
    const before = await t.created(store)
    await t.advance(IDLE - t.precision)
    expectOutcome(await store.rotate(before.id, t.rotating(before)), 'ok', 'rotate')
    await t.advance(t.precision)
    expectEnded(await store.find(before.id), 'idle', 'at the idle deadline')
  }),

  contractCase('P1 rotate answers gone for an ended session, with its tombstone', async (t) => {
    const [a, b] = await t.nodes()
    const before = await t.ended(a)
    const tombstone = expectEnded(await a.find(before.id), 'revoked', 'find')
    const rotation = await b.rotate(before.id, t.rotating(before))
    expectEqual(rotation, { outcome: 'gone', tombstone }, 'rotate')
    expectEnded(await a.find(before.id), 'revoked', 'find after it')
  }),

  contractCase(
    'P1 rotate answers gone for a session past its deadline, and for an unknown one',
    async (t) => {
      const store = await t.open()
      const before = await t.created(store)
      await t.advance(IDLE)
      const late = expectOutcome(await store.rotate(before.id, t.rotating(before)), 'gone', 'rotate')
      expectEqual(late.tombstone?.reason, 'idle', 'the reason')
      const unknown = await store.rotate(t.id(), t.rotating(before))
      expectEqual(unknown, { outcome: 'gone', tombstone: null }, 'rotate of an unknown id')
    },
  ),
]
