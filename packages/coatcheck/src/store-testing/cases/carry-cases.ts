import type { Operation } from '../../core/record.ts'
import type { SessionStore } from '../../core/store.ts'
import { expectEqual, expectOutcome, expectSameJson } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import type { StoreCase } from '../harness.ts'

export const carryCases: readonly StoreCase[] = [
  contractCase('ROT-03 replace carries the fields that are named, and no other', async (t) => {
    const store = await t.open()
    const data = { cart: [1], secret: 'x', theme: 'dark', csrf: 'y' }
    const carried = await carry(t, store, data, ['theme', 'cart', 'absent'])
    expectSameJson(sorted(carried), { cart: [1], theme: 'dark' }, 'with two fields named')
    expectSameJson(await carry(t, store, data, []), {}, 'with no field named')
    expectSameJson(await carry(t, store, data, 'all'), data, 'with all')
  }),

  contractCase('replace lays its own data over what was carried, then applies the operations', async (t) => {
    const store = await t.open()
    const old = await t.created(store, { data: { cart: [1], theme: 'dark', n: 1 } })
    const session = t.session({ data: { theme: 'light', n: 10 } })
    const operations: Operation[] = [
      { kind: 'append', field: 'cart', value: 2 },
      add('n'),
      { kind: 'swap', field: 'theme', expected: 'light', value: 'blue' },
      { kind: 'delete', field: 'absent' },
      { kind: 'set', field: 'last', value: [] },
    ]
    const options = t.replacing({ carry: ['cart', 'theme', 'n'], operations })
    const { record } = expectOutcome(await store.replace(old.id, session, options), 'ok', 'replace')
    expectSameJson(sorted(record.data), { cart: [1, 2], last: [], n: 11, theme: 'blue' }, 'the data')
  }),

  contractCase('P2 replace carries the data of that very moment, whoever wrote it', async (t) => {
    const [a, b] = await t.nodes()
    const old = await t.created(a, { data: { cart: [1] } })
    await t.mutate(b, old.id, { kind: 'append', field: 'cart', value: 2 })
    const session = t.session()
    await a.replace(old.id, session, t.replacing({ carry: ['cart'] }))
    expectEqual((await t.record(b, session.id)).data, { cart: [1, 2] }, 'the data')
  }),

  contractCase('replace holds its own data to maxBytes', async (t) => {
    const store = await t.open()
    const session = t.session({ data: { a: 1, b: 'x'.repeat(200) } })
    const result = await store.replace(null, session, t.replacing({ maxBytes: 100 }))
    expectEqual(result, { outcome: 'rejected', field: 'b', cause: 'size' }, 'replace')
    expectEqual(await store.find(session.id), { status: 'unknown' }, 'the session')
  }),

  contractCase('replace carries data above a lowered limit', async (t) => {
    const store = await t.open()
    const data = { a: 'x'.repeat(200) }
    const old = await t.created(store, { data })
    const result = await store.replace(old.id, t.session(), t.replacing({ carry: 'all', maxBytes: 100 }))
    expectEqual(expectOutcome(result, 'ok', 'replace').record.data, data, 'the data')
  }),
]

function add(field: string): Operation {
  return { kind: 'add', field, amount: 1 }
}

async function carry(
  t: CaseContext,
  store: SessionStore,
  data: Readonly<Record<string, string | number[]>>,
  fields: 'all' | readonly string[],
): Promise<object> {
  const old = await t.created(store, { data })
  const result = await store.replace(old.id, t.session(), t.replacing({ carry: fields }))
  return expectOutcome(result, 'ok', 'replace').record.data
}

/** The contract leaves open in which order carried fields come. */
function sorted(data: object): object {
  return Object.fromEntries(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)))
}
