import { Cluster } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Environment } from '../../src/core/environment.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { slotOf } from '../../src/stores/redis/feed-slots.ts'
import { PARTITIONS } from '../../src/stores/redis/partition-keys.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisCluster } from '../helpers/redis-cluster.ts'
import { covers, echoOf, listening } from './redis-feed-recorder.ts'
import { freshPrefix, RETENTION, redisOnTestClock } from './redis-harness.ts'

const cleanup: (() => unknown)[] = []
let cluster: RedisCluster

beforeAll(async () => {
  cluster = await RedisCluster.start()
})

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

afterAll(() => cluster.stop())

describe.each([
  { name: 'redis', connect: nodeRedis, moving: 0x11, returning: 0x12 },
  { name: 'ioredis', connect: ioredis, moving: 0x21, returning: 0x22 },
])('P7 the feed of changes of a Cluster through $name', ({ connect, moving, returning }) => {
  it('tells of changes on every primary, and its echoes cover all partitions', async () => {
    const store = await opened(await connect(), systemEnvironment)
    await makeSessions(store, 0)
    const { feed, recorder } = await listening(store)
    const covered = new Set<number>()
    for (let partition = 0; partition < PARTITIONS; partition++) await end(store, partition, 0)
    feed.probe((partitions) => {
      for (const partition of partitions ?? []) covered.add(partition)
    })
    while (covered.size < PARTITIONS) await store.health()
    const told = recorder.take().map((one) => (one.kind === 'changed' ? one.id : one.kind))
    expect(told.sort()).toEqual(Array.from({ length: PARTITIONS }, (_, n) => idIn(n, 0)).sort())
  })

  it('covers no partition whose slot is on the move, and misses nothing once it has arrived', async () => {
    const store = await opened(await connect(), systemEnvironment)
    for (let n = 0; n < 40; n++) await store.create(newSession(n, { id: idIn(moving, n) }))
    const { feed, recorder } = await listening(store)
    const calls: Promise<unknown>[] = []
    const covered: (readonly number[] | null)[] = []
    let n = 0
    await cluster.moveSlot(`{${tagOf(moving)}}`, async () => {
      calls.push(endInTheEnd(store, idIn(moving, n++)))
      const before = covered.length
      feed.probe((partitions) => covered.push(partitions))
      while (covered.length < before + 3) await store.health()
    })
    expect(covered.filter((partitions) => covers(partitions, moving))).toEqual([])
    await Promise.all(calls)
    await echoOf(feed, store, moving)
    const lost = recorder.take().filter(({ kind }) => kind === 'lost')
    expect(lost.length).toBeGreaterThanOrEqual(2)
    expect(lost).toEqual(lost.map(() => ({ kind: 'lost', partitions: [moving] })))
    for (const last = n + 5; n < last; n++) {
      await end(store, moving, n)
      await echoOf(feed, store, moving)
      expect(recorder.take()).toEqual([{ kind: 'changed', id: idIn(moving, n) }])
    }
  })

  it('trusts no slot after it has not asked for longer than one could move and be taken back', async () => {
    const environment = new FakeEnvironment()
    const store = await opened(await connect(), environment)
    const { feed, recorder } = await listening(store)
    // A probe that is under way when the clock moves would count as one that has no answer.
    const echoes: unknown[] = []
    const probe = () => feed.probe((partitions) => echoes.push(partitions))
    environment.advance(5_000)
    probe()
    while (echoes.length < 3) await store.health()
    expect(recorder.take()).toEqual([])
    environment.advance(5_001)
    probe()
    await recorder.until(({ told }) => told.length >= 6)
    await environment.settle()
    expect(echoes).toHaveLength(3)
    probe()
    while (echoes.length < 6) await store.health()
    expect(recorder.take()).toHaveLength(6)
  })

  it('finds out where a slot goes without being asked for an echo', async () => {
    const other = returning + 1
    const store = await opened(await connect(), systemEnvironment)
    const { recorder } = await listening(store)
    await cluster.moveSlot(`{${tagOf(other)}}`, async () => {})
    await recorder.until((told) => told.lostTimes(other) >= 2)
    await store.create(newSession(1, { id: idIn(other, 1) }))
    await end(store, other, 1)
    await recorder.until((told) => told.hasTold(idIn(other, 1)))
  })

  it('notices that a slot was away, though it is back', async () => {
    const store = await opened(await connect(), systemEnvironment)
    const { feed, recorder } = await listening(store)
    for (let round = 0; round < 6; round++) {
      recorder.take()
      // What a driver makes of the news depends on whether it waits for an answer at that moment.
      for (let i = 0; i < round; i++) feed.probe(() => {})
      await thereAndBack(returning)
      await echoOf(feed, store, returning)
      expect(recorder.lostTimes(returning)).toBeGreaterThan(0)
      await store.create(newSession(round, { id: idIn(returning, round) }))
      await end(store, returning, round)
      await echoOf(feed, store, returning)
      expect(recorder.hasTold(idIn(returning, round))).toBe(true)
    }
  })
})

/** All that the slot of a partition holds is deleted, and in one step its node gives it away and takes it back. */
async function thereAndBack(partition: number): Promise<void> {
  const slot = slotOf(`{${tagOf(partition)}}`)
  const owner = Math.floor((slot * 3) / 16_384)
  const [home, away] = [cluster.nodes[owner], cluster.nodes[(owner + 1) % 3]]
  if (!home || !away) throw new Error('A Cluster has nodes.')
  const keys = (await cluster.ask(
    home,
    'CLUSTER',
    'GETKEYSINSLOT',
    String(slot),
    '1000',
  )) as readonly string[]
  if (keys.length > 0) await cluster.ask(home, 'DEL', ...keys)
  const assign = (node: string) => ['CLUSTER', 'SETSLOT', String(slot), 'NODE', node]
  const [homeId, awayId] = [await cluster.idOf(home), await cluster.idOf(away)]
  const client = await createClient({ url: home.url }).connect()
  await client.multi().addCommand(assign(awayId)).addCommand(assign(homeId)).exec()
  client.destroy()
}

function tagOf(partition: number): string {
  return partition.toString(16).padStart(2, '0')
}

/** The `n`th id in this partition. */
function idIn(partition: number, n: number) {
  const bytes = Buffer.from(sessionId(n), 'base64url')
  bytes[0] = partition
  return bytes.toString('base64url') as ReturnType<typeof sessionId>
}

/** A session in every partition. */
async function makeSessions(store: SessionStore, n: number): Promise<void> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  await Promise.all(partitions.map((partition) => store.create(newSession(n, { id: idIn(partition, n) }))))
}

async function end(store: SessionStore, partition: number, n: number): Promise<void> {
  expect((await store.end(idIn(partition, n), { reason: 'logout' })).outcome).toBe('ended')
}

/** A driver may give up while keys are on the move. */
async function endInTheEnd(store: SessionStore, id: SessionId): Promise<void> {
  for (;;) {
    try {
      await store.end(id, { reason: 'logout' })
      return
    } catch {
      await new Promise(setImmediate)
    }
  }
}

async function opened(client: unknown, environment: Environment): Promise<SessionStore> {
  const store = redisOnTestClock(client, freshPrefix())
  cleanup.push(() => store.close())
  await store.open({ environment, tombstoneRetention: RETENTION })
  return store
}

async function nodeRedis() {
  const client = createCluster({ rootNodes: cluster.masters.map(({ url }) => ({ url })) })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

async function ioredis() {
  const client = new Cluster(cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port })))
  client.on('error', () => {})
  await client.ping()
  cleanup.push(() => client.disconnect())
  return client
}
