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

export const mutateCases: readonly StoreCase[] = [
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
