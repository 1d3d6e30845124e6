import { describe, expect, it } from 'vitest'
import type { Json, JsonFields } from '../../src/core/json.ts'
import type { StandardSchema } from '../../src/core/standard-schema.ts'
import type { PendingOperation } from '../../src/core/writer.ts'
import { field } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import {
  createNode,
  createNodes,
  dataOf,
  login,
  SECOND,
  sessionOf,
  start,
  withRivals,
} from '../helpers/nodes.ts'

const anything: StandardSchema<unknown> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
}
const set = (name: string, value: Json): PendingOperation => ({ kind: 'set', field: name, value })
const increment: PendingOperation = {
  kind: 'update',
  field: 'n',
  apply: (value) => (typeof value === 'number' ? value : 0) + 1,
}

describe('P2 writes', () => {
  it('of two requests to different fields both survive', async () => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada')
    const [a, b] = [await sessionOf(one, token), await sessionOf(two, token)]
    expect(
      await Promise.all([one.manager.write(a, [set('a', 1)]), two.manager.write(b, [set('b', 2)])]),
    ).toEqual(['ok', 'ok'])
    expect(await dataOf(one, token)).toEqual({ a: 1, b: 2 })
  })

  it('to the same field follow their operation: all additions and appends count, of sets the last', async () => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada')
    await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const node = n % 2 === 0 ? one : two
        await node.manager.write(await sessionOf(node, token), [
          { kind: 'add', field: 'sum', amount: n },
          { kind: 'append', field: 'list', value: n },
          set('last', n),
        ])
      }),
    )
    const data = await dataOf(two, token)
    expect(data.sum).toBe(780)
    expect((data.list as number[]).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n))
    expect(data.last).toBe((data.list as number[]).at(-1))
  })

  it('of functions are all applied to the latest value, on one node and on several', async () => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada')
    await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const node = n % 2 === 0 ? one : two
        await node.manager.write(await sessionOf(node, token), [increment])
      }),
    )
    expect(await dataOf(one, token)).toEqual({ n: 60 })
  })

  it('are all or none', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada', { data: { word: 'x' } })
    const session = await sessionOf(node, token)
    const writes: PendingOperation[] = [set('a', 1), { kind: 'add', field: 'word', amount: 1 }]
    await expect(node.manager.write(session, writes)).rejects.toMatchObject({
      name: 'DataError',
      code: 'ERR_FIELD_TYPE',
      message: expect.stringContaining("'word'"),
    })
    expect(await dataOf(node, token)).toEqual({ word: 'x' })
  })

  it('beyond the limit are refused with the name of the field, and nothing is written', async () => {
    const node = createNode({ maxDataBytes: 100 })
    const { token } = await login(node, 'ada')
    const session = await sessionOf(node, token)
    const writes = [set('small', 'x'), set('large', 'x'.repeat(100))]
    await expect(node.manager.write(session, writes)).rejects.toMatchObject({
      code: 'ERR_DATA_TOO_LARGE',
      message: expect.stringMatching(/'large'.*maxDataBytes \(100\)/),
    })
    expect(await dataOf(node, token)).toEqual({})
  })

  it('show in the session that wrote them', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const session = await sessionOf(node, token)
    await node.manager.write(session, [set('a', 1)])
    expect(session.record).toMatchObject({ data: { a: 1 }, version: 1 })
  })

  it('apply a function to what earlier operations of the same write have made', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const writes: PendingOperation[] = [
      set('n', 10),
      increment,
      { kind: 'add', field: 'n', amount: 5 },
      increment,
    ]
    await node.manager.write(await sessionOf(node, token), writes)
    expect(await dataOf(node, token)).toEqual({ n: 17 })
  })

  it('of a function that answers undefined delete the field, and give it a frozen value to look at', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada', { data: { list: [{ a: 1 }] } })
    const seen: (Json | undefined)[] = []
    const remove = (value: Json | undefined) => {
      seen.push(value)
      return undefined
    }
    await node.manager.write(await sessionOf(node, token), [{ kind: 'update', field: 'list', apply: remove }])
    expect(await dataOf(node, token)).toEqual({})
    expect(Object.isFrozen((seen[0] as readonly Json[])[0])).toBe(true)
  })
})

describe('P2 a function under contention', () => {
  it('is run again on each conflict with another node', async () => {
    const [one, two] = createNodes()
    const { token } = await login(one, 'ada', { data: { n: 0 } })
    const session = await sessionOf(one, token)
    let runs = 0
    const apply = (value: Json | undefined) => {
      runs += 1
      return (value as number) * 10
    }
    const other = await sessionOf(two, token)
    await two.manager.write(other, [set('n', 7)])
    await one.manager.write(session, [{ kind: 'update', field: 'n', apply }])
    expect(await dataOf(one, token)).toEqual({ n: 70 })
    expect(runs).toBe(2)
  })

  it('gives up after five seconds with ERR_CONFLICT, and nothing is written', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada', { data: { n: 0 } })
    const session = await sessionOf(node, token)
    const apply = (value: Json | undefined) => {
      node.environment.advance(SECOND)
      return { of: value as Json }
    }
    const rivals = withRivals(node, Number.POSITIVE_INFINITY)
    await expect(
      node.manager.write(session, [set('other', 1), { kind: 'update', field: 'n', apply }]),
    ).rejects.toMatchObject({ name: 'AccessError', code: 'ERR_CONFLICT', status: 409 })
    expect(await dataOf(node, token)).toEqual({ n: 500 })
    expect(rivals.count).toBe(5)
  })

  it('waits for its turn behind others of this process, also behind one that fails', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada', { data: { n: 0 } })
    const [a, b] = [await sessionOf(node, token), await sessionOf(node, token)]
    node.store.fail('mutate', undefined, { times: 1 })
    const results = await Promise.allSettled([
      node.manager.write(a, [increment]),
      node.manager.write(b, [increment]),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(await dataOf(node, token)).toEqual({ n: 1 })
    expect(node.store.calls.filter(({ method }) => method === 'mutate')).toHaveLength(2)
  })

  it('fails with what the function throws, and nothing is written', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const apply = () => {
      throw new RangeError('mine')
    }
    const session = await sessionOf(node, token)
    await expect(
      node.manager.write(session, [set('a', 1), { kind: 'update', field: 'n', apply }]),
    ).rejects.toThrow(new RangeError('mine'))
    expect(await dataOf(node, token)).toEqual({})
  })
})

describe('P10 a write that the store fails', () => {
  it('is an error, and can be tried again', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const session = await sessionOf(node, token)
    node.store.fail('mutate', undefined, { times: 1 })
    await expect(node.manager.write(session, [set('a', 1)])).rejects.toMatchObject({
      name: 'StoreError',
      code: 'ERR_STORE_UNAVAILABLE',
      retryable: true,
    })
    expect(await node.manager.write(session, [set('a', 1)])).toBe('ok')
  })

  it('is an error that promises nothing where the store does not answer in time', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const session = await sessionOf(node, token)
    node.store.hang('mutate')
    const outcome = expect(node.manager.write(session, [set('a', 1)])).rejects.toMatchObject({
      code: 'ERR_STORE_TIMEOUT',
      retryable: false,
    })
    await node.environment.advanceAndSettle(5 * SECOND)
    await outcome
    expect(node.events.of('store-failed')).toMatchObject([{ operation: 'mutate' }])
  })

  it('is reported once, though it fails again after its time limit', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const session = await sessionOf(node, token)
    const late = Promise.withResolvers<never>()
    node.store.mutate = () => late.promise
    const outcome = expect(node.manager.write(session, [set('a', 1)])).rejects.toThrow('within 5000 ms')
    await node.environment.advanceAndSettle(5 * SECOND)
    late.reject(new Error('ECONNRESET'))
    await outcome
    await node.environment.settle()
    expect(node.events.of('store-failed')).toHaveLength(1)
  })

  it('maps what a driver throws, and keeps it as the cause', async () => {
    const node = createNode()
    const { token } = await login(node, 'ada')
    const session = await sessionOf(node, token)
    const driver = new Error('ECONNRESET 10.0.0.7:6379')
    node.store.fail('mutate', driver)
    await expect(node.manager.write(session, [set('a', 1)])).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      message: 'The memory store failed in mutate.',
      cause: driver,
      expose: false,
    })
  })
})

describe('data of an older schema version', () => {
  const v1 = { schemaVersion: 1 }
  const v2 = {
    schemaVersion: 2,
    upgrade: (data: JsonFields): JsonFields => ({ total: Number(data.sum ?? 0), upgraded: true }),
  }

  it('is written back in its new form together with the first write', async () => {
    const [old, now] = createNodes(v1, v2)
    const { token } = await login(old, 'ada', { data: { sum: '5', keep: 1 } })
    const session = await sessionOf(now, token)
    await now.manager.write(session, [{ kind: 'add', field: 'total', amount: 1 }])
    expect((await sessionOf(now, token)).record).toMatchObject({
      data: { sum: '5', keep: 1, total: 6, upgraded: true },
      schemaVersion: 2,
    })
  })

  it('P2 is upgraded once when two requests race, and both writes survive', async () => {
    const [old, now] = createNodes(v1, v2)
    const { token } = await login(old, 'ada', { data: { sum: '5' } })
    const sessions = [await sessionOf(now, token), await sessionOf(now, token)]
    await Promise.all(
      sessions.map((session) => now.manager.write(session, [{ kind: 'add', field: 'total', amount: 1 }])),
    )
    expect(await dataOf(now, token)).toMatchObject({ total: 7 })
  })

  it('P2 does not overwrite what an older node wrote meanwhile', async () => {
    const [old, now] = createNodes(v1, v2)
    const { token } = await login(old, 'ada', { data: { sum: '5' } })
    const session = await sessionOf(now, token)
    await old.manager.write(await sessionOf(old, token), [set('sum', '100')])
    await now.manager.write(session, [{ kind: 'add', field: 'total', amount: 1 }])
    expect(await dataOf(now, token)).toMatchObject({ sum: '100', total: 101 })
  })

  it('of a newer version, as a newer node wrote it, is left as it is', async () => {
    const [old, now] = createNodes(v1, v2)
    const { token } = await login(now, 'ada', { data: { total: 1 } })
    await old.manager.write(await sessionOf(old, token), [set('note', 'x')])
    expect((await sessionOf(now, token)).record).toMatchObject({
      data: { total: 1, note: 'x' },
      schemaVersion: 2,
    })
  })

  it('is carried over a login in its new form', async () => {
    const carrying = {
      ...v2,
      data: { total: field(anything, { carry: true }), sum: anything, upgraded: anything },
    }
    const [old, now] = createNodes(v1, carrying)
    const { token } = await start(old, { sum: '5' })
    const after = await login(now, 'ada', { carry: ['total'] }, await sessionOf(now, token))
    expect(await dataOf(now, after.token)).toEqual({ total: 5 })
  })
})

describe('a resent write', () => {
  it('P2 has an id of its own, so that a driver that resends it applies it once', async () => {
    const inner = memory()
    const node = createNode({ store: inner })
    const { token } = await login(node, 'ada')
    const { mutate } = node.store
    node.store.mutate = async (...args) => {
      await mutate.apply(node.store, args)
      return mutate.apply(node.store, args)
    }
    const session = await sessionOf(node, token)
    for (let n = 0; n < 3; n++) {
      expect(await node.manager.write(session, [{ kind: 'add', field: 'n', amount: 1 }])).toBe('ok')
    }
    expect(await dataOf(node, token)).toEqual({ n: 3 })
  })
})
