import type { JsonFields } from '../../core/json.ts'
import type { Operation } from '../../core/record.ts'
import {
  expectEnded,
  expectEqual,
  expectLive,
  expectOutcome,
  expectSameJson,
  expectTrue,
} from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { IDLE } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

const BEFORE: JsonFields = { n: 1, list: [1, { a: 1, b: 2 }, 1], text: 'x' }

/** What each operation does to `BEFORE`, `list` and `text` left out where they stay. */
const EFFECTS: readonly (readonly [what: string, operation: Operation, after: JsonFields])[] = [
  ['set replaces a value', { kind: 'set', field: 'n', value: [2] }, { ...BEFORE, n: [2] }],
  ['set makes a field', { kind: 'set', field: 'new', value: null }, { ...BEFORE, new: null }],
  ['delete removes a field', { kind: 'delete', field: 'n' }, { list: [1, { a: 1, b: 2 }, 1], text: 'x' }],
  ['delete passes over an absent field', { kind: 'delete', field: 'absent' }, BEFORE],
  ['add adds to a number', { kind: 'add', field: 'n', amount: -3.5 }, { ...BEFORE, n: -2.5 }],
  ['add starts from 0', { kind: 'add', field: 'new', amount: 2 }, { ...BEFORE, new: 2 }],
  ['add starts from initial', { kind: 'add', field: 'new', amount: 2, initial: 5 }, { ...BEFORE, new: 7 }],
  [
    'add prefers the value to initial',
    { kind: 'add', field: 'n', amount: 2, initial: 5 },
    { ...BEFORE, n: 3 },
  ],
  ['append starts from []', { kind: 'append', field: 'new', value: [1] }, { ...BEFORE, new: [[1]] }],
  [
    'append starts from initial',
    { kind: 'append', field: 'new', value: 2, initial: [1] },
    { ...BEFORE, new: [1, 2] },
  ],
  [
    'append adds to an array',
    { kind: 'append', field: 'list', value: 2, initial: [] },
    { ...BEFORE, list: [1, { a: 1, b: 2 }, 1, 2] },
  ],
  [
    'remove removes every equal element',
    { kind: 'remove', field: 'list', value: 1 },
    { ...BEFORE, list: [{ a: 1, b: 2 }] },
  ],
  [
    'remove compares JSON, order of keys apart',
    { kind: 'remove', field: 'list', value: { b: 2, a: 1 } },
    { ...BEFORE, list: [1, 1] },
  ],
  ['remove passes over what is not there', { kind: 'remove', field: 'list', value: '1' }, BEFORE],
  ['remove leaves an absent field absent', { kind: 'remove', field: 'new', value: 1 }, BEFORE],
  [
    'remove removes from initial',
    { kind: 'remove', field: 'new', value: 1, initial: [1, 2] },
    { ...BEFORE, new: [2] },
  ],
  [
    'swap replaces what was expected',
    { kind: 'swap', field: 'n', expected: 1, value: 2 },
    { ...BEFORE, n: 2 },
  ],
  [
    'swap makes a field that was expected absent',
    { kind: 'swap', field: 'new', expected: undefined, value: null },
    { ...BEFORE, new: null },
  ],
  [
    'swap deletes',
    { kind: 'swap', field: 'n', expected: 1, value: undefined },
    { list: [1, { a: 1, b: 2 }, 1], text: 'x' },
  ],
]

const CONFLICTS: readonly (readonly [what: string, operation: Operation])[] = [
  ['another value', { kind: 'swap', field: 'n', expected: 2, value: 3 }],
  ['a value where none was expected', { kind: 'swap', field: 'n', expected: undefined, value: 3 }],
  ['nothing where null was expected', { kind: 'swap', field: 'new', expected: null, value: 3 }],
  ['a value of another type', { kind: 'swap', field: 'n', expected: '1', value: 3 }],
]

const MISFITS: readonly (readonly [what: string, operation: Operation])[] = [
  ['add to a string', { kind: 'add', field: 'text', amount: 1 }],
  ['add to an array', { kind: 'add', field: 'list', amount: 1 }],
  ['append to a number', { kind: 'append', field: 'n', value: 1 }],
  ['append to a string', { kind: 'append', field: 'text', value: 'y' }],
  ['remove from a number', { kind: 'remove', field: 'n', value: 1 }],
]

export const mutateCases: readonly StoreCase[] = [
  ...EFFECTS.map(([what, operation, after]) =>
    contractCase(`mutate: ${what}`, async (t) => {
      const store = await t.open()
      const before = await t.created(store, { data: BEFORE })
      const { record } = expectOutcome(await t.mutate(store, before.id, operation), 'ok', 'mutate')
      expectSameJson(record.data, after, 'the data answered')
      expectEqual(await t.record(store, before.id), record, 'the record found')
    }),
  ),

  ...CONFLICTS.map(([what, operation]) =>
    contractCase(`mutate answers conflict and applies nothing where swap finds ${what}`, async (t) => {
      const store = await t.open()
      const before = await t.created(store, { data: BEFORE })
      const write = t.mutate(store, before.id, { kind: 'set', field: 'other', value: 1 }, operation)
      const { record } = expectOutcome(await write, 'conflict', 'mutate')
      expectEqual(record, before, 'the record answered')
      expectEqual(await t.record(store, before.id), before, 'the record found')
    }),
  ),

  ...MISFITS.map(([what, operation]) =>
    contractCase(`mutate rejects the whole write for its type: ${what}`, async (t) => {
      const store = await t.open()
      const before = await t.created(store, { data: BEFORE })
      const write = await t.mutate(store, before.id, { kind: 'set', field: 'other', value: 1 }, operation)
      expectEqual(write, { outcome: 'rejected', field: operation.field, cause: 'type' }, 'mutate')
      expectEqual(await t.record(store, before.id), before, 'the record found')
    }),
  ),

  contractCase('mutate rejects a sum beyond the finite numbers', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store, { data: { n: Number.MAX_VALUE } })
    const write = await t.mutate(store, id, { kind: 'add', field: 'n', amount: Number.MAX_VALUE })
    expectEqual(write, { outcome: 'rejected', field: 'n', cause: 'type' }, 'mutate')
  }),

  contractCase('mutate applies operations in order, each to what the one before left', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    const write = t.mutate(
      store,
      id,
      { kind: 'set', field: 'a', value: [1] },
      { kind: 'append', field: 'a', value: 2 },
      { kind: 'remove', field: 'a', value: 1 },
      { kind: 'swap', field: 'a', expected: [2], value: { done: true } },
    )
    expectSameJson(expectOutcome(await write, 'ok', 'mutate').record.data, { a: { done: true } }, 'the data')
  }),

  contractCase('mutate changes data and version, and nothing else', async (t) => {
    const store = await t.open()
    const before = await t.created(store, { userId: 'user-1' })
    await t.advance(1_000)
    await t.mutate(store, before.id, { kind: 'set', field: 'a', value: 1 })
    await t.mutate(store, before.id, { kind: 'delete', field: 'absent' })
    const after = await t.record(store, before.id)
    expectEqual(after, { ...before, data: { a: 1 }, version: before.version + 2 }, 'the record')
  }),

  contractCase('mutate writes the schema version that comes with the data', async (t) => {
    const store = await t.open()
    const { id, version } = await t.created(store, { schemaVersion: 1 })
    const { record } = expectOutcome(
      await store.mutate(id, [], t.writing({ schemaVersion: 2 })),
      'ok',
      'mutate',
    )
    expectEqual([record.schemaVersion, record.version], [2, version + 1], 'schema version and version')
    await t.mutate(store, id, { kind: 'set', field: 'a', value: 1 })
    expectEqual((await t.record(store, id)).schemaVersion, 2, 'the schema version after another write')
  }),

  contractCase('mutate with ifVersion applies to that version alone', async (t) => {
    const [a, b] = await t.nodes()
    const { id, version } = await t.created(a)
    const write = (ifVersion: number) =>
      [[{ kind: 'add', field: 'n', amount: 1 }], t.writing({ ifVersion })] as const
    expectOutcome(await a.mutate(id, ...write(version)), 'ok', 'the write to the version read')
    const { record } = expectOutcome(await b.mutate(id, ...write(version)), 'conflict', 'the second write')
    expectEqual([record.version, record.data], [version + 1, { n: 1 }], 'the version and data answered')
    expectOutcome(await b.mutate(id, ...write(version + 1)), 'ok', 'the write to the next version')
    expectEqual((await t.record(a, id)).data, { n: 2 }, 'the data')
  }),

  contractCase('mutate counts the UTF-8 bytes of the data as JSON, up to maxBytes exactly', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    const value = 'é😀"\ud800'
    const maxBytes = '{"a":""}'.length + 2 + 4 + 2 + 6
    const write = (limit: number) =>
      store.mutate(id, [{ kind: 'set', field: 'a', value }], t.writing({ maxBytes: limit }))
    expectEqual(
      await write(maxBytes - 1),
      { outcome: 'rejected', field: 'a', cause: 'size' },
      'one byte less',
    )
    expectSameJson((await t.record(store, id)).data, {}, 'the data after a rejected write')
    expectOutcome(await write(maxBytes), 'ok', 'exactly the limit')
  }),

  contractCase('mutate names the field that overflowed, and applies nothing', async (t) => {
    const store = await t.open()
    const before = await t.created(store, { data: { small: 1 } })
    const operations: Operation[] = [
      { kind: 'set', field: 'small', value: 2 },
      { kind: 'append', field: 'large', value: 'x'.repeat(200) },
      { kind: 'set', field: 'other', value: 3 },
    ]
    const write = await store.mutate(before.id, operations, t.writing({ maxBytes: 100 }))
    expectEqual(write, { outcome: 'rejected', field: 'large', cause: 'size' }, 'mutate')
    expectEqual(await t.record(store, before.id), before, 'the record found')
  }),

  contractCase('mutate lets data above a lowered limit shrink', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store, { data: { a: 'x'.repeat(300), b: 'x'.repeat(300) } })
    const write = (operation: Operation) => store.mutate(id, [operation], t.writing({ maxBytes: 100 }))
    expectOutcome(await write({ kind: 'delete', field: 'a' }), 'ok', 'a write that shrinks the data')
    const growth = await write({ kind: 'set', field: 'c', value: 1 })
    expectEqual(growth, { outcome: 'rejected', field: 'c', cause: 'size' }, 'a write that lets it grow')
  }),

  contractCase('P1 mutate answers gone for an ended session, with its tombstone', async (t) => {
    const [a, b] = await t.nodes()
    const { id } = await t.created(a, { data: { n: 1 } })
    await a.end(id, { reason: 'logout' })
    const tombstone = expectEnded(await a.find(id), 'logout', 'find')
    const write = await t.mutate(b, id, { kind: 'set', field: 'n', value: 2 })
    expectEqual(write, { outcome: 'gone', tombstone }, 'mutate')
    expectEnded(await b.find(id), 'logout', 'find after the late write')
  }),

  contractCase('P1 mutate answers gone for a session past its deadline', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    await t.advance(IDLE)
    const { tombstone } = expectOutcome(
      await t.mutate(store, id, { kind: 'set', field: 'n', value: 2 }),
      'gone',
      'mutate',
    )
    expectEqual(tombstone?.reason, 'idle', 'the reason')
    expectEnded(await store.find(id), 'idle', 'find after the late write')
  }),

  contractCase('mutate never creates', async (t) => {
    const store = await t.open()
    const id = t.id()
    const write = await t.mutate(store, id, { kind: 'set', field: 'n', value: 2 })
    expectEqual(write, { outcome: 'gone', tombstone: null }, 'mutate of an unknown id')
    expectEqual(await store.find(id), { status: 'unknown' }, 'find after it')
    expectOutcome(await store.create(t.session({ id })), 'ok', 'create after it')
  }),

  contractCase('a write does not count as activity', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    await t.advance(IDLE - t.precision)
    await t.mutate(store, id, { kind: 'set', field: 'n', value: 2 })
    expectLive(await store.find(id), 'just before the deadline')
    await t.advance(t.precision)
    expectTrue((await store.find(id)).status === 'ended', 'the write moved the idle deadline')
  }),
]
