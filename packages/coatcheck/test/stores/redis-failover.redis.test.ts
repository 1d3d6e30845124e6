import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster, createSentinel } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionId } from '../../src/core/record.ts'
import type { FindResult, NewSession, SessionStore } from '../../src/core/store.ts'
import { newSessionId } from '../../src/core/token.ts'
import { newSession, replaceOptions } from '../../src/store-testing/fixtures.ts'
import { RedisCluster } from '../helpers/redis-cluster.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { RETENTION, redisOnTestClock } from './redis-harness.ts'

const NOTHING_SAVED = ['--save', '']
const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe('P1 when the primary is killed and a replica takes over', () => {
  it.each([
    { name: 'redis through Sentinel', connect: nodeRedisSentinel },
    { name: 'ioredis through Sentinel', connect: ioredisSentinel },
  ])('all that was acknowledged has stayed: $name', async ({ connect }) => {
    const { primary, replica, sentinel } = await watched()
    const store = await opened(await connect(sentinel))
    const { live, ended } = await used(store)
    await primary.kill('SIGKILL')
    await expectAll(store, live, ended)
    expect(await roleOf(replica)).toBe('master')
  })

  it.each([
    { name: 'redis', connect: nodeRedisCluster },
    { name: 'ioredis', connect: ioredisCluster },
  ])('all that was acknowledged has stayed on a Cluster: $name', async ({ connect }) => {
    const cluster = await RedisCluster.start()
    cleanup.push(() => cluster.stop())
    const store = await opened(await connect(cluster))
    const { live, ended } = await used(store)
    await cluster.masters[1]?.kill('SIGKILL')
    await expectAll(store, live, ended)
  })
})

describe('P1 a primary that was demoted, and that the client still reaches,', () => {
  it.each([
    {
      name: 'redis',
      connect: ({ url }: RedisServer) =>
        createClient({ url })
          .on('error', () => {})
          .connect(),
    },
    { name: 'ioredis', connect: async ({ url }: RedisServer) => new Redis(url).on('error', () => {}) },
  ])('answers nobody: it may not know of the latest ends ($name)', async ({ connect }) => {
    const [server, other] = [await RedisServer.start(NOTHING_SAVED), await RedisServer.start(NOTHING_SAVED)]
    for (const one of [server, other]) cleanup.push(() => one.stop())
    const client = await connect(server)
    cleanup.push(() => ('destroy' in client ? client.destroy() : client.disconnect()))
    const store = redisOnTestClock(client, 'fleet:')
    await store.open({ environment: systemEnvironment, tombstoneRetention: RETENTION })
    cleanup.push(() => store.close())
    const { id } = session(1, 'ada')
    await store.create(session(1, 'ada'))
    const admin = await createClient({ url: server.url }).connect()
    await admin.sendCommand(['REPLICAOF', '127.0.0.1', String(other.port)])
    admin.destroy()
    const page = { limit: 10, cursor: null }
    const calls = [
      () => Promise.resolve(store.find(id)),
      () => store.list('ada', page),
      () => store.scan(page),
      () => store.end(session(2, 'ada').id, { reason: 'logout' }),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'ERR_STORE_READ_ONLY' })
  })
})

/** Logins and ends, in as many partitions as there are users; what was acknowledged. */
async function used(store: SessionStore) {
  const live: SessionId[] = []
  const ended: SessionId[] = []
  const work = Array.from({ length: 60 }, async (_, n) => {
    const [visitor, first, second] = [null, `user-${n}`, `user-${n}`].map((userId) => session(n, userId))
    if (!visitor || !first || !second) return
    await store.create(visitor)
    await store.replace(visitor.id, first, replaceOptions('first'))
    await store.replace(null, second, replaceOptions('second'))
    ended.push(visitor.id)
    if (n % 3 === 0) await store.endUser(`user-${n}`, { reason: 'revoked' })
    else await store.end(first.id, { reason: 'logout' })
    ended.push(first.id)
    if (n % 3 === 0) ended.push(second.id)
    else live.push(second.id)
  })
  await Promise.all(work)
  return { live, ended }
}

async function expectAll(store: SessionStore, live: readonly SessionId[], ended: readonly SessionId[]) {
  for (const id of live) expect((await persistently(store, id)).status).toBe('live')
  for (const id of ended) expect((await persistently(store, id)).status).toBe('ended')
}

/** Asks until somebody answers: between two primaries nobody does. */
async function persistently(store: SessionStore, id: SessionId): Promise<FindResult> {
  for (;;) {
    try {
      return await store.find(id)
    } catch {
      await new Promise(setImmediate)
    }
  }
}

function session(n: number, userId: string | null): NewSession {
  return newSession(n, { id: newSessionId(systemEnvironment, userId), userId })
}

async function opened(client: unknown): Promise<SessionStore> {
  const store = redisOnTestClock(client, 'fleet:', 1)
  await store.open({ environment: systemEnvironment, tombstoneRetention: RETENTION })
  cleanup.push(() => store.close())
  return store
}

async function watched() {
  const primary = await RedisServer.start(NOTHING_SAVED)
  const replica = await RedisServer.start([...NOTHING_SAVED, '--replicaof', `127.0.0.1 ${primary.port}`])
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

async function roleOf(server: RedisServer): Promise<string> {
  const client = await createClient({ url: server.url }).connect()
  const [role] = (await client.sendCommand(['ROLE'])) as unknown as readonly string[]
  client.destroy()
  return String(role)
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
  cleanup.push(() => client.disconnect())
  return client
}
