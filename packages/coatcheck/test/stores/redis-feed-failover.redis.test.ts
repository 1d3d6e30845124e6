import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster, createSentinel } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { newSession, sessionId } from '../../src/store-testing/fixtures.ts'
import { slotOf } from '../../src/stores/redis/feed-slots.ts'
import { RedisCluster } from '../helpers/redis-cluster.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { echoOf, listening, type Recorder } from './redis-feed-recorder.ts'
import { freshPrefix, RETENTION, redisOnTestClock } from './redis-harness.ts'

const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe.each([
  { name: 'redis', connect: nodeRedisSentinel },
  { name: 'ioredis', connect: ioredisSentinel },
])('P7 the feed of changes through Sentinel and $name', ({ connect }) => {
  it('goes on at the replica that takes over', async () => {
    const { primary, sentinel } = await watched()
    const store = await opened(await connect(sentinel))
    const fed = { store, ...(await listening(store)) }
    await tells(fed, 1)
    await primary.kill('SIGKILL')
    await fed.recorder.until((told) => told.lostTimes(0) >= 2)
    await persistently(() => store.create(session(2)))
    await tells(fed, 3)
  })
})

describe('P7 the feed of changes of a Cluster', () => {
  let cluster: RedisCluster

  beforeAll(async () => {
    cluster = await RedisCluster.start()
  })

  afterAll(() => cluster.stop())

  it.each([
    { name: 'redis', connect: nodeRedisCluster, shard: 0 },
    { name: 'ioredis', connect: ioredisCluster, shard: 1 },
  ])('leaves a primary that hands over to its replica, through $name', async ({ connect, shard }) => {
    const store = await opened(await connect(cluster))
    const fed = { store, ...(await listening(store)) }
    const n = inShard(shard, 100)
    await tells(fed, n)
    const replica = cluster.nodes[3 + shard]
    if (!replica) throw new Error('Each primary has a replica.')
    await cluster.ask(replica, 'CLUSTER', 'FAILOVER')
    await probedUntil(fed, (told) => told.lostTimes(partitionOf(n)) >= 2)
    await tells(fed, inShard(shard, n + 1))
  })

  it.each([
    { name: 'redis', connect: nodeRedisCluster, shard: 2 },
    { name: 'ioredis', connect: ioredisCluster, shard: 2 },
  ])('goes on at the replica that takes over, through $name', async ({ connect, shard }) => {
    const own = await RedisCluster.start()
    cleanup.push(() => own.stop())
    const store = await opened(await connect(own))
    const fed = { store, ...(await listening(store)) }
    const n = inShard(shard, 200)
    await tells(fed, n)
    await own.masters[shard]?.kill('SIGKILL')
    await fed.recorder.until((told) => told.lostTimes(partitionOf(n)) >= 2)
    await persistently(() => store.create(session(1)))
    await tells(fed, inShard(shard, n + 1))
  })
})

interface Fed extends Awaited<ReturnType<typeof listening>> {
  readonly store: SessionStore
}

/** A change of the `n`th session is told before an echo that covers it. */
async function tells({ store, feed, recorder }: Fed, n: number): Promise<void> {
  recorder.take()
  await persistently(() => store.create(session(n)))
  await persistently(() => store.end(session(n).id, { reason: 'logout' }))
  await echoOf(feed, store, partitionOf(n))
  expect(recorder.hasTold(session(n).id)).toBe(true)
}

async function probedUntil({ store, feed, recorder }: Fed, holds: (recorder: Recorder) => boolean) {
  while (!holds(recorder)) {
    feed.probe(() => {})
    await store.health()
  }
}

function session(n: number) {
  return newSession(n, { id: sessionId(n) })
}

function partitionOf(n: number): number {
  return Buffer.from(sessionId(n), 'base64url')[0] ?? 0
}

/** The first session from the `n`th on whose slot the `shard`th primary had at first. */
function inShard(shard: number, n: number): number {
  const slot = slotOf(`{${partitionOf(n).toString(16).padStart(2, '0')}}`)
  return Math.floor((slot * 3) / 16_384) === shard ? n : inShard(shard, n + 1)
}

async function persistently(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work()
      return
    } catch {
      await new Promise(setImmediate)
    }
  }
}

async function opened(client: unknown): Promise<SessionStore> {
  const store = redisOnTestClock(client, freshPrefix())
  await store.open({ environment: systemEnvironment, tombstoneRetention: RETENTION })
  cleanup.push(() => store.close())
  return store
}

async function watched() {
  const settings = ['--save', '']
  const primary = await RedisServer.start(settings)
  const replica = await RedisServer.start([...settings, '--replicaof', `127.0.0.1 ${primary.port}`])
  const sentinel = await RedisServer.startSentinel(primary)
  for (const server of [primary, replica, sentinel]) cleanup.push(() => server.stop())
  const admin = await createClient({ url: primary.url }).connect()
  while ((await admin.wait(1, 100)) < 1) await admin.ping()
  admin.destroy()
  const watcher = await createClient({ url: sentinel.url }).connect()
  const replicas = async () => JSON.stringify(await watcher.sendCommand(['SENTINEL', 'replicas', 'main']))
  while (!(await replicas()).includes(String(replica.port)));
  watcher.destroy()
  return { primary, replica, sentinel }
}

async function nodeRedisSentinel({ port }: RedisServer) {
  const client = createSentinel({ name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port }] })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

async function ioredisSentinel({ port }: RedisServer) {
  const client = new Redis({ name: 'main', sentinels: [{ host: '127.0.0.1', port }] })
  client.on('error', () => {})
  cleanup.push(() => client.disconnect())
  return client
}

async function nodeRedisCluster({ masters }: RedisCluster) {
  const client = createCluster({ rootNodes: masters.map(({ url }) => ({ url })) })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

async function ioredisCluster({ masters }: RedisCluster) {
  const client = new Cluster(masters.map(({ port }) => ({ host: '127.0.0.1', port })))
  client.on('error', () => {})
  await client.ping()
  cleanup.push(() => client.disconnect())
  return client
}
