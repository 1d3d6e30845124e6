import type { JsonFields } from '../../core/json.ts'
import type { Operation } from '../../core/record.ts'
import { expectEqual, expectOutcome, expectSameJson } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
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

export const operationCases: readonly StoreCase[] = [
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
]
