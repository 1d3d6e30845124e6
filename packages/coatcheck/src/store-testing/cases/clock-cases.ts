import type { SessionRecord } from '../../core/record.ts'
import type { SessionStore } from '../../core/store.ts'
import { expectEnded, expectEqual, expectLive, expectOutcome, expectTrue } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import { IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

const HOUR = 3_600_000

/** Each way in which a store can report that a session is past its deadline. */
const REPORTS: readonly (readonly [
  what: string,
  report: (t: CaseContext, store: SessionStore, record: SessionRecord) => Promise<unknown>,
])[] = [
  ['find', async (_t, store, { id }) => expectEnded(await store.find(id), 'idle', 'find')],
  [
    'mutate',
    async (t, store, { id }) =>
      expectOutcome(await t.mutate(store, id, { kind: 'set', field: 'n', value: 1 }), 'gone', 'mutate'),
  ],
  [
    'rotate',
    async (t, store, record) =>
      expectOutcome(await store.rotate(record.id, t.rotating(record)), 'gone', 'rotate'),
  ],
  [
    'replace',
    async (t, store, { id }) =>
      expectOutcome(
        await store.replace(id, t.session(), t.replacing({ requireOld: true })),
        'gone',
        'replace',
      ),
  ],
  [
    'end',
    async (_t, store, { id }) => expectOutcome(await store.end(id, { reason: 'logout' }), 'already', 'end'),
  ],
  ['sweep', async (t, store) => expectEqual((await t.swept(store)).ended.length, 1, 'the number swept')],
]

export const clockCases: readonly StoreCase[] = [
  ...REPORTS.map(([what, report]) =>
    contractCase(
      `EXP-10 a session that ${what} has found past its deadline stays dead when the clock steps back`,
      async (t) => {
        const [a, b] = await t.nodes()
        const record = await t.created(a, { userId: 'user-1' })
        await t.advance(HOUR)
        await report(t, a, record)
        await t.stepBack(HOUR)
        expectEnded(await b.find(record.id), 'idle', 'find')
        await b.touch([{ id: record.id, ago: 0 }])
        const write = await t.mutate(b, record.id, { kind: 'set', field: 'n', value: 1 })
        expectOutcome(write, 'gone', 'mutate')
        expectOutcome(await b.create(t.session({ id: record.id })), 'exists', 'create')
        expectEnded(await a.find(record.id), 'idle', 'find in the end')
        expectEqual(await t.listed(b, 'user-1'), [], 'the list')
      },
      ['step-back'],
    ),
  ),

  contractCase(
    'EXP-10 a clock that steps back neither ends a session nor moves its last use back',
    async (t) => {
      const [a, b] = await t.nodes()
      const { id, lastSeenAt } = await t.created(a, { userId: 'user-1' })
      await t.stepBack(HOUR)
      await b.touch([{ id, ago: 0 }])
      const { record } = expectLive(await b.find(id), 'find')
      expectEqual(record.lastSeenAt, lastSeenAt, 'lastSeenAt')
      expectEqual(await t.listedIds(b, 'user-1'), [id], 'the list')
      const write = await t.mutate(b, id, { kind: 'set', field: 'n', value: 1 })
      expectOutcome(write, 'ok', 'mutate')
    },
    ['step-back'],
  ),

  contractCase(
    'EXP-10 sessions made and ended after the clock stepped back behave as others do',
    async (t) => {
      const store = await t.open()
      const before = await t.created(store, { userId: 'user-1' })
      await t.stepBack(HOUR)
      const after = await t.created(store, { userId: 'user-1' })
      await store.end(before.id, { reason: 'logout' })
      expectEnded(await store.find(before.id), 'logout', 'the session made before')
      await t.advance(IDLE - t.precision)
      expectLive(await store.find(after.id), 'just before its deadline')
      await t.advance(t.precision)
      expectEnded(await store.find(after.id), 'idle', 'at its deadline')
    },
    ['step-back'],
  ),

  contractCase(
    'P1 no sweep under a clock that jumps revives a session',
    async (t) => {
      const store = await t.open()
      const jump = HOUR + 2 * t.tombstoneRetention
      const ended = await t.ended(store)
      const expired = await t.created(store)
      await t.advance(jump)
      await t.swept(store)
      await t.stepBack(jump)
      await t.swept(store)
      for (const { id } of [ended, expired]) {
        expectTrue((await store.find(id)).status !== 'live', 'the session came back')
        const write = await t.mutate(store, id, { kind: 'set', field: 'n', value: 1 })
        expectOutcome(write, 'gone', 'mutate')
      }
    },
    ['step-back'],
  ),
]
