import type { SessionStore } from '../../core/store.ts'
import { expectEnded, expectEqual, expectOutcome, expectStoreError, expectTrue } from '../assertions.ts'
import { type CaseContext, contractCase } from '../case-context.ts'
import { tombstoneElsewhere } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

export const lifecycleCases: readonly StoreCase[] = [
  contractCase('a store has a name and declares what it can do', async (t) => {
    const { name, capabilities } = await t.open()
    expectTrue(/^[a-z][a-z0-9-]*$/.test(name), `the name ${JSON.stringify(name)} is a short word`)
    expectTrue(
      ['process', 'machine', 'network'].includes(capabilities.shared),
      'capabilities.shared is known',
    )
    expectTrue(['transaction', 'saga'].includes(capabilities.replace), 'capabilities.replace is known')
    expectTrue(typeof capabilities.durable === 'boolean', 'capabilities.durable is true or false')
  }),

  contractCase('a store that has default keys gives one current key of 32 bytes', async (t) => {
    const store = await t.open()
    const keys = await store.defaultKeys?.().load()
    if (!keys) return
    expectTrue(store.capabilities.shared !== 'network', 'keys that only one of many nodes would have')
    expectEqual(keys.filter(({ state }) => state === 'current').length, 1, 'the number of current keys')
    for (const { master } of keys) expectEqual(master.length, 32, 'the length of a key')
  }),

  contractCase('health of an open store is ok', async (t) => {
    expectEqual(await (await t.open()).health(), { ok: true }, 'health')
  }),

  contractCase(
    'after close every method fails with ERR_STORE_CLOSED, and close may be repeated',
    async (t) => {
      const store = await t.open()
      const calls = callsOf(t, store, await t.created(store))
      await store.close()
      await store.close()
      for (const [name, call] of calls) {
        const error = await expectStoreError(call, 'ERR_STORE_CLOSED', name)
        expectTrue(typeof error.retryable === 'boolean', `the error of ${name} says whether it is retryable`)
      }
    },
  ),

  contractCase('health of a closed store is not ok, and does not throw', async (t) => {
    const store = await t.open()
    await store.close()
    const health = await store.health()
    expectTrue(!health.ok && health.error instanceof Error, 'health names the error')
  }),

  contractCase('close waits for writes under way', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    let settled = 0
    const writes = Array.from({ length: 10 }, async () => {
      const write = await t.mutate(store, id, { kind: 'add', field: 'n', amount: 1 })
      settled++
      return write
    })
    const answers = Promise.allSettled(writes)
    await store.close()
    // What awaits an answer runs a few turns of the microtask queue after it.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    expectEqual(settled, 10, 'the writes that have their answer once the store is closed')
    for (const answer of await answers) {
      expectTrue(
        answer.status === 'fulfilled' && answer.value.outcome === 'ok',
        'a write before close failed',
      )
    }
  }),

  contractCase(
    'close of one handle leaves the others at work',
    async (t) => {
      const [a, b] = await t.nodes()
      const { id } = await t.created(a)
      await a.close()
      expectOutcome(await t.mutate(b, id, { kind: 'set', field: 'n', value: 1 }), 'ok', 'mutate')
      expectEqual(await b.health(), { ok: true }, 'health')
    },
    ['several-handles'],
  ),

  contractCase(
    'P1 what was acknowledged is there after the store was closed and opened again',
    async (t) => {
      const before = await t.open()
      const { user: epoch } = await before.epochs('user-1')
      const live = await t.created(before, { userId: 'user-1', data: { list: [] } })
      const options = t.writing()
      const append = [{ kind: 'append', field: 'list', value: {} }] as const
      await before.mutate(live.id, append, options)
      const record = await t.record(before, live.id)
      const gone = await t.ended(before, { userId: 'user-1' })
      const tombstone = expectEnded(await before.find(gone.id), 'revoked', 'the ended session')
      await before.close()

      const after = await t.open()
      expectEqual(await t.record(after, live.id), record, 'the live session')
      expectEqual(
        expectEnded(await after.find(gone.id), 'revoked', 'the ended session'),
        tombstone,
        'the tombstone',
      )
      expectEqual(await after.epochs('user-1'), { user: epoch }, 'the epoch')
      expectEqual(await t.listedIds(after, 'user-1'), [live.id], 'the list')
      const again = expectOutcome(await after.mutate(live.id, append, options), 'ok', 'a repetition')
      expectEqual(again.record, record, 'the record answered to the repetition')
    },
    ['durable'],
  ),

  contractCase(
    'P1 an end of everyone holds after the store was closed and opened again',
    async (t) => {
      const before = await t.open()
      const { id } = await t.created(before)
      await before.endEveryone({ reason: 'breach' })
      await before.close()
      expectEnded(await (await t.open()).find(id), 'breach', 'the session')
    },
    ['durable'],
  ),

  contractCase('a miss is a value in every method', async (t) => {
    const store = await t.open()
    const record = await t.created(store)
    const id = t.id()
    expectEqual(await store.find(id), { status: 'unknown' }, 'find')
    for (const [, call] of callsOf(t, store, { ...record, id })) await call()
  }),
]

/** A call of every method that needs an open store. */
function callsOf(
  t: CaseContext,
  store: SessionStore,
  record: Awaited<ReturnType<CaseContext['record']>>,
): readonly (readonly [name: string, call: () => unknown])[] {
  return [
    ['create', () => store.create(t.session())],
    ['find', () => store.find(record.id)],
    ['mutate', () => t.mutate(store, record.id, { kind: 'set', field: 'n', value: 1 })],
    ['rotate', () => store.rotate(record.id, t.rotating(record))],
    ['replace', () => store.replace(record.id, t.session(), t.replacing())],
    ['touch', () => store.touch([{ id: record.id, ago: 0 }])],
    ['end', () => store.end(record.id, { reason: 'logout', follow: true })],
    ['endUser', () => store.endUser('user-1', { reason: 'logout' })],
    ['endEveryone', () => store.endEveryone({ reason: 'breach' })],
    ['epochs', () => store.epochs('user-1')],
    ['list', () => store.list('user-1', { limit: 1, cursor: null })],
    ['sweep', () => store.sweep({ limit: 1 })],
    ['scan', () => store.scan({ limit: 1, cursor: null })],
    ['epochFor', () => store.epochFor(record)],
    ['adopt', () => t.adopt(store, t.elsewhere())],
    ['bury', () => t.bury(store, tombstoneElsewhere(record.id))],
  ]
}
