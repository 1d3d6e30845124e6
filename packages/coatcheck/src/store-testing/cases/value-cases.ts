import type { Json, JsonFields } from '../../core/json.ts'
import { expectEqual, expectOutcome, expectSameJson } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import type { StoreCase } from '../harness.ts'

/** Values that have been seen to come back changed from one store or another. */
const VALUES: readonly (readonly [what: string, value: Json])[] = [
  ['an empty array', []],
  ['an empty object', {}],
  ['empty things within others', { a: [], b: {}, c: [[], {}, [{}]] }],
  ['null, true and false', [null, true, false]],
  ['1e21', 1e21],
  ['0.1', 0.1],
  ['0.1 + 0.2', 0.1 + 0.2],
  ['negative zero, as JSON has it', -0],
  ['the largest and the smallest numbers', [Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE]],
  ['the largest safe integer and the one beyond it', [2 ** 53 - 1, 2 ** 53]],
  ['a whole number', 3],
  ['an empty string', ''],
  ['strings that look like other values', ['null', 'true', '1', '1.0', '[]', '{}', '"']],
  ['quotes, backslashes and control characters', '"\\/\b\f\n\r\t\u0001\u001f\u007f'],
  ['the character NUL', 'a\0b'],
  ['text beyond ASCII', 'Zoë 漢字 עברית 🧥👩‍👩‍👧'],
  ['line separators', '\u2028\u2029'],
  ['composed and decomposed letters', ['é', 'e\u0301']],
  ['lone surrogates', ['\ud800', '\udfff', 'a\udc00b']],
  ['keys in their order', { z: 1, a: 2, m: { y: 1, b: 2 } }],
  ['keys that are numbers', { b: 1, '2': 2, '1': 3 }],
  ['strange keys', JSON.parse('{"": 1, " ": 2, "a.b": 3, "$c": 4, "\\u0000": 5, "é": 6}') as Json],
  ['a key __proto__', JSON.parse('{"__proto__": {"admin": true}, "b": 1}') as Json],
  [
    'keys that objects inherit',
    JSON.parse('{"constructor": 1, "toString": [], "hasOwnProperty": {}}') as Json,
  ],
  ['a string of 16 kB', '0123456789abcdef'.repeat(1_024)],
  ['an array of 2,000 numbers', Array.from({ length: 2_000 }, (_, i) => i)],
  ['arrays in arrays, 100 deep', nested(100)],
]

export const valueCases: readonly StoreCase[] = [
  ...VALUES.map(([what, value]) =>
    contractCase(`values come back as given: ${what}`, async (t) => {
      const [a, b] = await t.nodes()
      const { id } = await t.created(a, { data: { created: value } })
      const results = [
        await t.mutate(a, id, { kind: 'set', field: 'set', value }),
        await t.mutate(b, id, { kind: 'append', field: 'appended', value }),
        await t.mutate(a, id, { kind: 'swap', field: 'swapped', expected: undefined, value }),
      ]
      for (const result of results) expectOutcome(result, 'ok', 'mutate')
      const expected = { created: value, set: value, appended: [value], swapped: value }
      expectSameJson((await t.record(b, id)).data, expected, 'the data')

      const session = t.session({ data: { fresh: value } })
      await a.replace(id, session, t.replacing({ carry: ['created', 'appended'] }))
      const carried = { created: value, appended: [value], fresh: value }
      expectSameJson((await t.record(b, session.id)).data, carried, 'the data of the successor')
    }),
  ),

  contractCase('fields may have any name', async (t) => {
    const store = await t.open()
    const names = ['__proto__', 'constructor', 'toString', '', ' ', "a'b", 'a"b', 'a.b', '$', '漢', '1']
    const { id } = await t.created(store)
    for (const field of names) {
      expectOutcome(await t.mutate(store, id, { kind: 'add', field, amount: 1 }), 'ok', `add to ${field}`)
      expectOutcome(await t.mutate(store, id, { kind: 'add', field, amount: 1 }), 'ok', `add to ${field}`)
    }
    const all = Object.fromEntries(names.map((field) => [field, 2])) as JsonFields
    expectSameJson((await t.record(store, id)).data, all, 'the data')
    const session = t.session()
    await store.replace(id, session, t.replacing({ carry: ['__proto__', '1'] }))
    const { data } = await t.record(store, session.id)
    expectEqual(
      Object.entries(data).sort(),
      [
        ['1', 2],
        ['__proto__', 2],
      ],
      'what was carried',
    )
    for (const field of ['__proto__', '1']) await t.mutate(store, session.id, { kind: 'delete', field })
    expectSameJson((await t.record(store, session.id)).data, {}, 'the data after deletion')
  }),

  contractCase('user ids are told apart by their exact characters', async (t) => {
    const store = await t.open()
    const users = [
      'user',
      'User',
      'user ',
      ' user',
      'use',
      'user1',
      'us%',
      'use_',
      "u'--",
      '__proto__',
      'ü',
      'u\u0308',
    ]
    for (const userId of users) await t.created(store, { userId, data: { userId } })
    for (const userId of users) {
      const records = await t.listed(store, userId)
      expectEqual(
        records.map((record) => [record.userId, record.data]),
        [[userId, { userId }]],
        `the sessions of ${JSON.stringify(userId)}`,
      )
    }
    await store.endUser('user', { reason: 'revoked' })
    for (const userId of users) {
      const left = (await t.listed(store, userId)).length
      expectEqual(left, userId === 'user' ? 0 : 1, `the sessions left to ${JSON.stringify(userId)}`)
    }
  }),

  contractCase('a write leaves the other fields and the order of all in place', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store, { data: { z: [], a: 1e21, m: {} } })
    await t.mutate(store, id, { kind: 'add', field: 'a', amount: 1 }, { kind: 'set', field: 'b', value: [] })
    await t.mutate(store, id, { kind: 'append', field: 'z', value: {} })
    expectSameJson((await t.record(store, id)).data, { z: [{}], a: 1e21, m: {}, b: [] }, 'the data')
  }),
]

function nested(depth: number): Json {
  let value: Json = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}
