import { Redis } from 'ioredis'
import { createClient, createClientPool } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { partitionOf, partitionOfUser } from '../../src/core/token.ts'
import {
  mutateOptions,
  newSession,
  nextRotation,
  replaceOptions,
  sessionIdOf,
} from '../../src/store-testing/fixtures.ts'
import { PARTITIONS } from '../../src/stores/redis/partition-keys.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { echoOf, listening, type Told } from './redis-feed-recorder.ts'
import { freshPrefix, RETENTION, redisOnTestClock } from './redis-harness.ts'

const USER = 'ada "Ä" {}'
const PARTITION = partitionOfUser(USER)
const SET = { kind: 'set', field: 'theme', value: 'dark' } as const
const cleanup: (() => unknown)[] = []
let server: RedisServer
let admin: ReturnType<typeof createClient>

beforeAll(async () => {
  server = await RedisServer.start()
  admin = createClient({ url: server.url })
  await admin.connect()
})

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

afterAll(async () => {
  admin.destroy()
  await server.stop()
})

describe.each([
  { name: 'redis', connect: nodeRedis },
  { name: 'ioredis', connect: ioredis },
])('the feed of changes through $name', ({ connect }) => {
  it('P7 tells in order of all that another node has changed, before the echo of a later probe', async () => {
    const { store, other } = await fleet(connect)
    const [first, second, third, guest] = [user(1), user(2), user(3), newSession(4)]
    for (const session of [first, second, third, guest]) await other.create(session)
    const { feed, recorder } = await listening(store)
    await other.mutate(first.id, [SET], mutateOptions('set'))
    // A swap cannot be done by a script alone.
    const swap = { kind: 'swap', field: 'theme', expected: 'dark', value: 'light' } as const
    await other.mutate(second.id, [{ ...swap, expected: undefined }], mutateOptions('swap'))
    const rotation = nextRotation(await rotationOf(other, first.id), 1)
    await other.rotate(first.id, rotation)
    await other.touch([
      { id: third.id, ago: 0, rotation: nextRotation(await rotationOf(other, third.id), 2) },
    ])
    await other.end(third.id, { reason: 'logout' })
    const limit = { count: 2, onLimit: 'evict-oldest' } as const
    await other.replace(second.id, user(5), replaceOptions('step-up', { limit }))
    await other.replace(null, user(6), replaceOptions('login', { limit }))
    await other.endUser(USER, { reason: 'revoked' })
    await echoOf(feed, store, PARTITION)
    const ids = [first, second, first, third, third, second, first].map(({ id }) => id)
    expect(recorder.take()).toEqual([...ids.map(changed), { kind: 'user', userId: USER }])

    await other.replace(guest.id, user(7), replaceOptions('from a visitor'))
    await echoOf(feed, store, partitionOf(guest.id))
    expect(recorder.take()).toEqual([changed(guest.id)])
  })

  it('P7 tells of an end of everyone in each partition in which there was anyone', async () => {
    const { store, other } = await fleet(connect)
    await other.create(user(1))
    await other.create(newSession(2))
    const { feed, recorder } = await listening(store)
    await other.endEveryone({ reason: 'breach' })
    await echoOf(feed, store, PARTITION)
    const told = recorder.take().sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))
    const everyone = [PARTITION, partitionOf(newSession(2).id)].map((one) => ({
      kind: 'everyone',
      partitions: [one],
    }))
    expect(told).toEqual(everyone.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))))
  })

  it('P7 tells of an end that came from another store', async () => {
    const { store, other, environment } = await fleet(connect)
    await other.create(user(1))
    const { feed, recorder } = await listening(store)
    const now = environment.now()
    const end = { id: user(1).id, userId: USER, endedAt: now, reason: 'logout' } as const
    const buried = await other.bury({ ...end, replacedBy: null, replacedByUserId: null }, { now })
    expect(buried.outcome).toBe('ended')
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([changed(user(1).id)])
  })

  it('tells of its own changes, too', async () => {
    const { store } = await fleet(connect)
    await store.create(user(1))
    const { feed, recorder } = await listening(store)
    await store.end(user(1).id, { reason: 'logout' })
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([changed(user(1).id)])
  })

  it('tells nothing of activity, looks, sweeps, ends by a deadline, and calls that change nothing', async () => {
    const { store, other, environment } = await fleet(connect)
    await other.create(user(1))
    await other.mutate(user(1).id, [SET], mutateOptions('again'))
    await other.endUser('nobody', { reason: 'revoked' })
    const { feed, recorder } = await listening(store)
    const stale = { ...nextRotation(await rotationOf(other, user(1).id), 1), ifRevision: 7 }
    await other.touch([
      { id: user(1).id, ago: 0 },
      { id: user(1).id, ago: 0, rotation: stale },
    ])
    await other.rotate(user(1).id, stale)
    await other.find(user(1).id)
    await other.mutate(user(1).id, [SET], mutateOptions('again'))
    await other.mutate(user(1).id, [SET], mutateOptions('conflict', { ifVersion: 9 }))
    await other.end(user(9).id, { reason: 'logout' })
    environment.advance(24 * 3_600_000)
    await other.find(user(1).id)
    await other.end(user(1).id, { reason: 'logout' })
    await other.sweep({ limit: 100 })
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([])
  })

  it('P7 keeps the order of changes and echoes, whatever comes at the same time', async () => {
    const { store, other } = await fleet(connect)
    const sessions = Array.from({ length: 20 }, (_, n) => newSession(n))
    for (const session of sessions) await other.create(session)
    const { feed, recorder } = await listening(store)
    let made = 0
    const echoes: { readonly partitions: readonly number[] | null; readonly isLate: boolean }[] = []
    const write = async (n: number) => {
      const { id } = sessions[n % sessions.length] as { id: SessionId }
      await other.mutate(id, [SET], mutateOptions(`write ${n}`))
      made++
      const before = made
      feed.probe((partitions) => echoes.push({ partitions, isLate: recorder.told.length < before }))
    }
    await Promise.all(Array.from({ length: 500 }, (_, n) => write(n)))
    await echoOf(feed, store, 0)
    expect(echoes).toEqual(Array(500).fill({ partitions: null, isLate: false }))
    expect(recorder.told).toHaveLength(500)
  })

  it('LIO-01 tells of logouts when the memory of the server is full', async () => {
    const { store, other } = await fleet(connect)
    for (const n of [1, 2]) await other.create(user(n))
    const { feed, recorder } = await listening(store)
    cleanup.push(() => admin.configSet('maxmemory', '0'))
    await admin.configSet('maxmemory', '1')
    await expect(other.mutate(user(1).id, [SET], mutateOptions('set'))).rejects.toMatchObject({
      code: 'ERR_STORE_FULL',
    })
    await other.end(user(1).id, { reason: 'logout' })
    await other.endUser(USER, { reason: 'revoked' })
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([changed(user(1).id), { kind: 'user', userId: USER }])
  })

  it('leaves no connection and no timer behind when it, or its store, is closed', async () => {
    const timers = new Set<object>()
    const environment = Object.assign(new FakeEnvironment(), countingTimers(timers))
    const store = await opened(await connect(), freshPrefix(), environment)
    const { feed } = await listening(store)
    feed.probe(() => {})
    expect(await subscribers()).toBe(1)
    await feed.close()
    const echoes: unknown[] = []
    feed.probe((partitions) => echoes.push(partitions))
    while ((await subscribers()) > 0);
    await listening(store)
    await store.close()
    while ((await subscribers()) > 0);
    expect(timers.size).toBe(0)
    expect(echoes).toEqual([])
  })

  it('is the only one of its store', async () => {
    const { store } = await fleet(connect)
    await listening(store)
    await expect(listening(store)).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })
})

describe('the feed of changes takes any client as it is', () => {
  it.each([
    { name: 'a pool of redis', connect: nodeRedisPool },
    { name: 'redis with RESP2', connect: () => nodeRedis({ RESP: 2 }) },
    { name: 'redis with a prefix of its own', connect: () => nodeRedis({ keyPrefix: 'own:' }) },
    { name: 'redis with a short queue', connect: () => nodeRedis({ commandsQueueMaxLength: 20 }) },
    { name: 'ioredis with RESP2', connect: () => ioredis({ protocol: 2 }) },
    { name: 'ioredis with a prefix of its own', connect: () => ioredis({ keyPrefix: 'own:' }) },
    { name: 'ioredis with automatic pipelines', connect: () => ioredis({ enableAutoPipelining: true }) },
    { name: 'ioredis with numbers as texts', connect: () => ioredis({ stringNumbers: true }) },
    { name: 'redis with another database', connect: () => nodeRedis({ database: 3 }) },
    { name: 'ioredis with another database', connect: () => ioredis({ db: 3 }) },
  ])('$name', async ({ connect }) => {
    const { store, other } = await fleet(connect)
    await other.create(user(1))
    const { feed, recorder } = await listening(store)
    await other.end(user(1).id, { reason: 'logout' })
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([changed(user(1).id)])
  })
})

it('the feed of changes needs a driver that speaks RESP3, and says so', async () => {
  const client = await ioredis()
  const older = { ...emitting(client), duplicate: (options: object) => duplicateOf(client, options) }
  const store = await opened(older, freshPrefix(), new FakeEnvironment())
  await expect(listening(store)).rejects.toMatchObject({
    code: 'ERR_STORE_SETTING',
    message: expect.stringContaining('RESP3'),
  })
})

it('the feed of changes needs a client that can be duplicated, and says so', async () => {
  const store = await opened(emitting(await ioredis()), freshPrefix(), new FakeEnvironment())
  await expect(listening(store)).rejects.toMatchObject({
    code: 'ERR_STORE_SETTING',
    message: expect.stringContaining('duplicate'),
  })
})

describe('STO-03 the rights of the Redis user', () => {
  it('must let scripts tell of changes, or the store is not opened', async () => {
    const client = await restricted('~*', 'resetchannels', '+@all')
    await expect(opened(client, 'coatcheck:', new FakeEnvironment())).rejects.toMatchObject({
      code: 'ERR_STORE_SETTING',
      message: expect.stringContaining('&coatcheck:*'),
    })
  })

  it('P1 may be taken away later: no change counts as made that was not told', async () => {
    const client = await restricted('~*', '&*', '+@all')
    const store = await opened(client, freshPrefix(), new FakeEnvironment())
    await store.create(user(1))
    await admin.sendCommand(['ACL', 'SETUSER', 'shop', 'resetchannels'])
    for (const refused of [
      store.endEveryone({ reason: 'breach' }),
      store.endUser(USER, { reason: 'revoked' }),
      store.end(user(1).id, { reason: 'logout' }),
      store.mutate(user(1).id, [SET], mutateOptions('set')),
    ]) {
      await expect(refused).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    }
    expect(await store.find(user(1).id)).toMatchObject({ status: 'live', record: { version: 0 } })
  })

  it.each(['-ssubscribe', '-client|info'])('must let the feed listen: %s', async (rule) => {
    const client = await restricted('~*', '&*', '+@all', rule)
    const store = await opened(client, 'coatcheck:', new FakeEnvironment())
    await expect(listening(store)).rejects.toMatchObject({
      code: 'ERR_STORE_SETTING',
      message: expect.stringContaining('+ssubscribe'),
    })
  })
})

async function fleet(connect: () => Promise<unknown>) {
  const [prefix, environment] = [freshPrefix(), new FakeEnvironment()]
  const store = await opened(await connect(), prefix, environment)
  const other = await opened(await connect(), prefix, environment)
  return { store, other, environment }
}

async function opened(client: unknown, prefix: string, environment: FakeEnvironment): Promise<SessionStore> {
  const store = redisOnTestClock(client, prefix)
  cleanup.push(() => store.close())
  await store.open({ environment, tombstoneRetention: RETENTION })
  return store
}

function user(n: number) {
  return newSession(n, { id: sessionIdOf(n, USER), userId: USER })
}

function changed(id: SessionId): Told {
  return { kind: 'changed', id }
}

async function rotationOf(store: SessionStore, id: SessionId) {
  const found = await store.find(id)
  if (found.status !== 'live') throw new Error('The session lives.')
  return found.record.rotation
}

/** Connections with sharded subscriptions. */
async function subscribers(): Promise<number> {
  const list = String(await admin.sendCommand(['CLIENT', 'LIST']))
  return list.match(new RegExp(` ssub=${PARTITIONS} `, 'g'))?.length ?? 0
}

function emitting(client: Redis) {
  const { evalsha, eval: evaluate, on, off } = client
  return {
    evalsha: evalsha.bind(client),
    eval: evaluate.bind(client),
    on: on.bind(client),
    off: off.bind(client),
  }
}

/** As by ioredis 5, which knows no option `protocol`. */
function duplicateOf(client: Redis, options: object): Redis {
  return client.duplicate({ ...options, protocol: 2 })
}

function countingTimers(timers: Set<object>) {
  return {
    setTimer(): () => void {
      const timer = {}
      timers.add(timer)
      return () => timers.delete(timer)
    },
  }
}

async function restricted(...rules: readonly string[]) {
  await admin.sendCommand(['ACL', 'SETUSER', 'shop', 'reset', 'on', '>secret', ...rules])
  return nodeRedis({ username: 'shop', password: 'secret' })
}

async function nodeRedis(options: object = {}) {
  const client = createClient({ url: server.url, ...options })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

async function nodeRedisPool() {
  const client = createClientPool({ url: server.url })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

async function ioredis(options: object = {}) {
  const client = new Redis(server.port, options)
  client.on('error', () => {})
  cleanup.push(() => client.disconnect())
  return client
}
