import { setTimeout as passed } from 'node:timers/promises'
import { createClient, createCluster } from 'redis'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionId } from '../../src/core/record.ts'
import type { NewSession, SessionStore } from '../../src/core/store.ts'
import { newSession } from '../../src/store-testing/fixtures.ts'
import { type RedisClient, redis } from '../../src/stores/redis.ts'
import { FaultProxy, redisScripts } from '../helpers/fault-proxy.ts'
import { RedisCluster } from '../helpers/redis-cluster.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import type { PortMap } from '../stores/load-stores.ts'
import { itRemembersNoEndAway } from './process-cases.ts'
import { endPersistently, MAX_STALENESS, Reader } from './reader.ts'

const DURABLE = ['--appendonly', 'yes', '--save', '']
const SESSION = newSession(1)

/** After how many milliseconds a primary counts a replica as gone. */
const NOTICED = 1_000

const drivers = ['redis', 'ioredis']
const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe.each(drivers)('P7 another process, over Redis through %s, remembers no end away', (driver) => {
  itRemembersNoEndAway(SESSION.id, () => served(driver))

  it('that learns of it at once where nothing is wrong', async () => {
    const { store, reader } = await served(driver)
    const endedAt = await endPersistently(store, SESSION.id)
    await reader.until(({ found }) => found === 'ended')
    await reader.expectSilent(endedAt, 200)
  })

  it('that the server dropped while it stood still, since it read too slowly', async () => {
    const { store, reader, client } = await served(driver)
    await client.configSet('client-output-buffer-limit', 'pubsub 1mb 0 0')
    reader.pause()
    const burst = `for i = 1, 200000 do redis.call('SPUBLISH', KEYS[1], string.rep('x', 100)) end`
    await client.eval(burst, { keys: [`coatcheck:{${tagOf(SESSION.id)}}:changes`] })
    const endedAt = await endPersistently(store, SESSION.id)
    reader.resume()
    await reader.until(({ found }) => found === 'ended')
    await reader.expectSilent(endedAt)
  })

  it('that talks to a primary which is cut off, once that notices, while another has taken over', async () => {
    const { server, client, reader } = await served(driver)
    const link = await FaultProxy.start(server.port, redisScripts)
    const replica = await RedisServer.start([...DURABLE, '--replicaof', `127.0.0.1 ${link.port}`])
    const other = createClient({ url: replica.url })
    cleanup.push(
      () => replica.stop(),
      () => link.close(),
      () => other.destroy(),
    )
    await other.connect()
    while (!(await other.info('replication')).includes('master_link_status:up')) await passed(20)
    await client.configSet('min-replicas-max-lag', String(NOTICED / 1_000))
    await client.configSet('min-replicas-to-write', '1')
    await reader.warm()
    link.lose('requests', 'answers')
    await other.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    const endedAt = await endPersistently(await opened(other), SESSION.id)
    // Redis counts lag in whole seconds, and looks once a second.
    await reader.expectSilent(endedAt, NOTICED + 2_000 + MAX_STALENESS)
  })
})

describe('P7 another process, over a Redis Cluster, remembers no end away', () => {
  let cluster: RedisCluster

  beforeAll(async () => {
    cluster = await RedisCluster.start([...DURABLE, '--min-replicas-to-write', '1'])
  })

  afterAll(() => cluster.stop())

  it.each(drivers)('while the slot of its session moves, through %s', async (driver) => {
    const { store, reader, id } = await onCluster(cluster, driver, 1)
    // While keys are on their way there is no answer, which the move does not wait for.
    let ended: Promise<bigint> | null = null
    await cluster.moveSlot(`{${tagOf(id)}}`, async () => {
      ended ??= endPersistently(store, id)
    })
    await reader.expectSilent((await ended) ?? 0n)
    await reader.until(({ found }) => found === 'ended')
  })

  it.each(drivers)('after the slot of its session has moved, through %s', async (driver) => {
    const { store, reader, id } = await onCluster(cluster, driver, 2)
    await cluster.moveSlot(`{${tagOf(id)}}`, async () => {})
    await reader.warm()
    const endedAt = await endPersistently(store, id)
    await reader.until(({ found }) => found === 'ended')
    await reader.expectSilent(endedAt)
  })

  it.each(drivers)('where a replica takes over, through %s', async (driver) => {
    const own = await RedisCluster.start([...DURABLE, '--min-replicas-to-write', '1'])
    cleanup.push(() => own.stop())
    const { store, reader, id } = await onCluster(own, driver, 3)
    const primary = await own.primaryOf(`{${tagOf(id)}}`)
    await primary.kill('SIGKILL')
    const others = own.nodes.filter((node) => node !== primary)
    while ((await own.primaries(others)).length < 3) await passed(50)
    await primary.restart()
    const endedAt = await endPersistently(store, id)
    await reader.expectSilent(endedAt)
    await reader.until(({ found }) => found === 'ended')
  })
})

async function served(driver: string) {
  const server = await RedisServer.start(DURABLE)
  const proxy = await FaultProxy.start(server.port, redisScripts)
  const client = createClient({ url: server.url })
  await client.connect()
  const store = await holding(client, SESSION)
  const reader = new Reader(driver, `redis://127.0.0.1:${proxy.port}`, SESSION.id)
  cleanup.push(
    () => server.stop(),
    () => proxy.close(),
    () => client.destroy(),
    () => reader.stop(),
  )
  await reader.warm()
  return { server, proxy, client, store, reader }
}

async function onCluster(cluster: RedisCluster, driver: string, n: number) {
  const client = createCluster({ rootNodes: cluster.masters.map(({ url }) => ({ url })) })
  client.on('error', () => {})
  await client.connect()
  const session = newSession(n + drivers.indexOf(driver) * 100)
  const store = await holding(client, session)
  const ports: PortMap = cluster.nodes.map(({ port }) => [port, port])
  const reader = new Reader(driver, JSON.stringify(ports), session.id)
  cleanup.push(
    () => client.destroy(),
    () => reader.stop(),
  )
  await reader.warm()
  return { store, reader, id: session.id }
}

async function holding(client: RedisClient, session: NewSession): Promise<SessionStore> {
  const store = await opened(client)
  await store.create(session)
  return store
}

async function opened(client: RedisClient): Promise<SessionStore> {
  const store = redis(client, { confirmations: 0 })
  await store.open({ environment: systemEnvironment, tombstoneRetention: 3_600_000 })
  return store
}

function tagOf(id: SessionId): string {
  return Buffer.from(id, 'base64url').subarray(0, 1).toString('hex')
}
