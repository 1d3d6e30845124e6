import { expectEnded, expectEqual, expectLive, expectOutcome } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

export const endCases: readonly StoreCase[] = [
  contractCase('LIO-01 end ends a session on every node and leaves its tombstone', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.created(a, { userId: 'user-1', data: { n: 1 } })
    await t.advance(10 * t.precision)
    const ended = await a.end(id, { reason: 'logout' })
    expectEqual(ended, { outcome: 'ended', ended: [{ id, userId: 'user-1', reason: 'logout' }] }, 'end')
    const tombstone = expectEnded(await b.find(id), 'logout', 'find on another node')
    expectEqual(
      { ...tombstone, endedAt: null },
      { id, endedAt: null, reason: 'logout', userId: 'user-1', replacedBy: null, replacedByUserId: null },
      'the tombstone',
    )
    const age = (await t.now(b)) - tombstone.endedAt
    expectEqual(age >= 0 && age < t.precision, true, `the tombstone is ${age} ms old; that it is new`)
  }),

  contractCase('end keeps a reason of the application’s own', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    await store.end(id, { reason: 'policy: “geo”, été' })
    expectEnded(await store.find(id), 'policy: “geo”, été', 'the session')
  }),

  contractCase('end answers already for an ended session, with the tombstone of the first end', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.created(a)
    await a.end(id, { reason: 'logout' })
    const tombstone = expectEnded(await a.find(id), 'logout', 'find')
    await t.advance(10 * t.precision)
    expectEqual(await b.end(id, { reason: 'revoked' }), { outcome: 'already', tombstone }, 'the second end')
    expectEqual(expectEnded(await a.find(id), 'logout', 'find'), tombstone, 'the tombstone')
  }),

  contractCase('end answers already for a session past its deadline', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    await t.advance(IDLE)
    const { tombstone } = expectOutcome(await store.end(id, { reason: 'logout' }), 'already', 'end')
    expectEqual(tombstone.reason, 'idle', 'the reason')
  }),

  contractCase('end answers unknown for an id that never was', async (t) => {
    const store = await t.open()
    expectEqual(await store.end(t.id(), { reason: 'logout' }), { outcome: 'unknown' }, 'end')
    expectEqual(await store.end(t.id(), { reason: 'logout', follow: true }), { outcome: 'unknown' }, 'end')
  }),

  contractCase('CON-05 end with ofUser takes a session of anybody else for unknown', async (t) => {
    const store = await t.open()
    const mine = await t.created(store, { userId: 'user-1' })
    const theirs = await t.created(store, { userId: 'user-2' })
    const anonymous = await t.created(store)
    const gone = await t.ended(store, { userId: 'user-2' })
    for (const { id } of [theirs, anonymous, gone]) {
      const answer = await store.end(id, { reason: 'logout', ofUser: 'user-1' })
      expectEqual(answer, { outcome: 'unknown' }, 'end of a session of somebody else')
    }
    for (const { id } of [theirs, anonymous]) expectLive(await store.find(id), 'a session of somebody else')
    const own = await store.end(mine.id, { reason: 'logout', ofUser: 'user-1' })
    expectOutcome(own, 'ended', 'end of a session of one’s own')
    const again = await store.end(mine.id, { reason: 'logout', ofUser: 'user-1' })
    expectOutcome(again, 'already', 'end of an ended session of one’s own')
  }),

  contractCase('end with follow ends the successor of the same user', async (t) => {
    const [a, b] = await t.nodes()
    const first = await t.created(a, { userId: 'user-1' })
    const second = t.session({ userId: 'user-1' })
    const third = t.session({ userId: 'user-1' })
    await a.replace(first.id, second, t.replacing())
    await a.replace(second.id, third, t.replacing())
    const answer = await b.end(first.id, { reason: 'logout', follow: true, ofUser: 'user-1' })
    expectEqual(
      answer,
      { outcome: 'ended', ended: [{ id: third.id, userId: 'user-1', reason: 'logout' }] },
      'end',
    )
    expectEnded(await a.find(third.id), 'logout', 'the successor of the successor')
    expectEnded(await a.find(first.id), 'replaced', 'the session itself')
    const again = await a.end(first.id, { reason: 'logout', follow: true })
    expectOutcome(again, 'already', 'end once the whole chain has ended')
  }),

  contractCase('end without follow leaves the successor alone', async (t) => {
    const store = await t.open()
    const first = await t.created(store, { userId: 'user-1' })
    const second = t.session({ userId: 'user-1' })
    await store.replace(first.id, second, t.replacing())
    const { tombstone } = expectOutcome(await store.end(first.id, { reason: 'logout' }), 'already', 'end')
    expectEqual(tombstone.replacedBy, second.id, 'replacedBy')
    expectLive(await store.find(second.id), 'the successor')
  }),

  contractCase(
    'end with follow does not reach the session of another user, nor that of a visitor',
    async (t) => {
      const store = await t.open()
      const replacements = [
        [null, 'user-2'],
        ['user-1', 'user-2'],
        ['user-1', null],
        [null, null],
      ] as const
      for (const [before, after] of replacements) {
        const first = await t.created(store, { userId: before })
        const second = t.session({ userId: after })
        await store.replace(first.id, second, t.replacing())
        expectOutcome(await store.end(first.id, { reason: 'logout', follow: true }), 'already', 'end')
        expectLive(await store.find(second.id), 'the successor')
      }
    },
  ),

  contractCase('end with follow ends a live session itself', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store, { userId: 'user-1' })
    const answer = await store.end(id, { reason: 'logout', follow: true })
    expectEqual(answer, { outcome: 'ended', ended: [{ id, userId: 'user-1', reason: 'logout' }] }, 'end')
  }),

  contractCase('of many parallel ends exactly one has ended the session', async (t) => {
    const nodes = await t.nodes()
    const { id } = await t.created(nodes[0])
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => (nodes[i % 3] ?? nodes[0]).end(id, { reason: `reason ${i}` })),
    )
    const first = answers.filter(({ outcome }) => outcome === 'ended')
    expectEqual(first.length, 1, 'the number of ends that answered ended')
    const reason = `reason ${answers.findIndex(({ outcome }) => outcome === 'ended')}`
    const tombstone = expectEnded(await nodes[1].find(id), reason, 'find')
    for (const answer of answers) {
      if (answer.outcome !== 'ended') expectEqual(answer, { outcome: 'already', tombstone }, 'another end')
    }
  }),
]
