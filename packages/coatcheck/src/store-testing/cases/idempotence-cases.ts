import type { Operation } from '../../core/record.ts'
import { expectEqual, expectOutcome } from '../assertions.ts'
import { contractCase } from '../case-context.ts'
import { mutateOptions } from '../fixtures.ts'
import type { StoreCase } from '../harness.ts'

const INCREMENT: readonly Operation[] = [{ kind: 'add', field: 'n', amount: 1 }]

/** Drivers send a command again when a connection broke before its answer; P2 says exactly once. */
export const idempotenceCases: readonly StoreCase[] = [
  contractCase('P2 mutate repeated by operationId answers ok and applies nothing', async (t) => {
    const [a, b] = await t.nodes()
    const { id, version } = await t.created(a)
    const options = t.writing()
    const first = expectOutcome(await a.mutate(id, INCREMENT, options), 'ok', 'the first')
    const second = expectOutcome(await b.mutate(id, INCREMENT, options), 'ok', 'the repetition')
    expectEqual(second.record, first.record, 'the record answered to the repetition')
    expectEqual([second.record.data, second.record.version], [{ n: 1 }, version + 1], 'data and version')
  }),

  contractCase('P2 a session remembers its last 8 writes', async (t) => {
    const store = await t.open()
    const { id, version } = await t.created(store)
    const writes = Array.from({ length: 8 }, () => t.writing())
    for (const options of writes) await store.mutate(id, INCREMENT, options)
    for (const options of writes) {
      const { record } = expectOutcome(await store.mutate(id, INCREMENT, options), 'ok', 'a repetition')
      expectEqual([record.data, record.version], [{ n: 8 }, version + 8], 'data and version')
    }
  }),

  contractCase('P2 a repetition answers the current record, also where ifVersion has passed', async (t) => {
    const store = await t.open()
    const { id, version } = await t.created(store)
    const options = t.writing({ ifVersion: version })
    await store.mutate(id, INCREMENT, options)
    await t.mutate(store, id, { kind: 'set', field: 'other', value: 1 })
    const { record } = expectOutcome(await store.mutate(id, INCREMENT, options), 'ok', 'the repetition')
    expectEqual(record.data, { n: 1, other: 1 }, 'the data answered')
  }),

  contractCase('P2 parallel repetitions of one write apply it once', async (t) => {
    const nodes = await t.nodes()
    const { id } = await t.created(nodes[0])
    const options = t.writing()
    const writes = nodes
      .flatMap((node) => [node, node, node])
      .map((node) => node.mutate(id, INCREMENT, options))
    for (const write of await Promise.all(writes)) expectOutcome(write, 'ok', 'a repetition')
    expectEqual((await t.record(nodes[0], id)).data, { n: 1 }, 'the data')
  }),

  contractCase('P2 a write that was not applied is not remembered as applied', async (t) => {
    const store = await t.open()
    const { id, version } = await t.created(store, { data: { text: 'x' } })
    const misfit: Operation[] = [{ kind: 'add', field: 'text', amount: 1 }]
    const rejected = t.writing()
    expectOutcome(await store.mutate(id, misfit, rejected), 'rejected', 'a write that does not fit')
    expectOutcome(await store.mutate(id, misfit, rejected), 'rejected', 'its repetition')
    const conflicting = t.writing({ ifVersion: version + 1 })
    expectOutcome(await store.mutate(id, INCREMENT, conflicting), 'conflict', 'a write to a later version')
    await t.mutate(store, id, { kind: 'set', field: 'a', value: 1 })
    expectOutcome(await store.mutate(id, INCREMENT, conflicting), 'ok', 'the same write at that version')
    expectEqual((await t.record(store, id)).data, { text: 'x', a: 1, n: 1 }, 'the data')
  }),

  contractCase('operation ids have up to 64 characters and are compared exactly, per session', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    const other = await t.created(store)
    const stem = 'Op'.repeat(31)
    const ids = [`${stem}Aa`, `${stem}AA`, `${stem}A`, `${stem}A `, stem.toLowerCase()]
    for (const operationId of ids) await store.mutate(id, INCREMENT, mutateOptions(operationId))
    for (const operationId of ids) await store.mutate(other.id, INCREMENT, mutateOptions(operationId))
    expectEqual((await t.record(store, id)).data, { n: ids.length }, 'the data')
    expectEqual((await t.record(store, other.id)).data, { n: ids.length }, 'the data of the other session')
  }),

  contractCase('P1 a repetition after the end answers gone', async (t) => {
    const store = await t.open()
    const { id } = await t.created(store)
    const options = t.writing()
    await store.mutate(id, INCREMENT, options)
    await store.end(id, { reason: 'logout' })
    expectOutcome(await store.mutate(id, INCREMENT, options), 'gone', 'the repetition')
  }),
]
