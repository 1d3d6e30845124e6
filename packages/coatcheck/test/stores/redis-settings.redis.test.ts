import { Redis } from 'ioredis'
import { createClient, createClientPool } from 'redis'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { newSession } from '../../src/store-testing/fixtures.ts'
import { driverOf } from '../../src/stores/redis/clients.ts'
import { Engine } from '../../src/stores/redis/engine.ts'
import { checkServers } from '../../src/stores/redis/server-checks.ts'
import { type RedisClient, type RedisOptions, redis } from '../../src/stores/redis.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { RETENTION } from './redis-harness.ts'

const SOUND = ['--save', '', '--appendonly', 'yes']
const cleanup: (() => unknown)[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe('redis() refuses', () => {
  it.each([
    ['an address', 'redis://127.0.0.1'],
    ['nothing', undefined],
    ['an object that is no client', { get: () => null }],
  ])('%s in place of a client', (_what, client) => {
    expect(() => redis(client as unknown as RedisClient)).toThrow(/needs a client of redis .* or of ioredis/)
  })

  it('a prefix with braces, which would be a hash tag', () => {
    const client = new Redis({ lazyConnect: true })
    expect(() => redis(client, { prefix: '{shop}:' })).toThrow(/Option prefix/)
    expect(() => redis(client, { confirmations: -1 })).toThrow(/Option confirmations/)
  })

  it('STO-05 a server that keeps no append-only file, and says what to set', async () => {
    await expect(opened(await started(['--save', '']))).rejects.toMatchObject({
      code: 'ERR_STORE_SETTING',
      message: expect.stringContaining('CONFIG SET appendonly yes'),
    })
  })

  it('STO-05 a server that evicts, and says what to set', async () => {
    const server = await started([...SOUND, '--maxmemory-policy', 'allkeys-lru'])
    await expect(opened(server)).rejects.toMatchObject({
      code: 'ERR_STORE_SETTING',
      message: expect.stringContaining('CONFIG SET maxmemory-policy noeviction'),
    })
  })

  it('STO-05 a replica, whatever is allowed', async () => {
    const primary = await started(SOUND)
    const replica = await started([...SOUND, '--replicaof', `127.0.0.1 ${primary.port}`])
    await expect(opened(replica, { unsafeAllowSettings: true })).rejects.toMatchObject({
      code: expect.stringMatching(/ERR_STORE_SETTING|ERR_STORE_READ_ONLY|ERR_STORE_UNAVAILABLE/),
    })
  })

  it('STO-05 a primary with a replica that would go on alone', async () => {
    const primary = await withReplica(SOUND)
    await expect(opened(primary)).rejects.toMatchObject({
      code: 'ERR_STORE_SETTING',
      message: expect.stringContaining('CONFIG SET min-replicas-to-write 1'),
    })
  })
})

describe('a client that is not connected', () => {
  it('STO-05 is said to be so', async () => {
    const store = redis(createClient({ url: 'redis://127.0.0.1:1' }))
    const opening = store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    await expect(opening).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      message: 'The Redis client is not connected: connect it first.',
    })
  })
})

describe('redis() goes on', () => {
  it('over a server that is set up well', async () => {
    await (await opened(await started(SOUND))).close()
  })

  it('P11 over one that is not with unsafeAllowSettings, and warns of each setting', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const server = await started(['--save', '', '--maxmemory-policy', 'allkeys-lru'])
    await (await opened(server, { unsafeAllowSettings: true })).close()
    expect(warned.mock.calls.map(([warning]) => String(warning))).toEqual([
      expect.stringContaining('maxmemory-policy'),
      expect.stringContaining('appendonly'),
    ])
  })

  it('P1 asking replicas to confirm also while one is away that its primary waits for', async () => {
    const primary = await started([...SOUND, '--min-replicas-to-write', '1'])
    const engine = new Engine(driverOf(await connected(primary)), 'settings:', () => '')
    engine.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    const checks = { settings: 'refuse', confirmations: null, confirmationTimeout: 50 } as const
    expect(await checkServers(engine, checks)).toEqual({ replicas: 1, milliseconds: 50 })
    await engine.close()
  })

  it('over a pool of connections', async () => {
    const server = await started(SOUND)
    const pool = createClientPool({ url: server.url })
    await pool.connect()
    cleanup.push(() => pool.destroy())
    const store = redis(pool, { confirmations: 0 })
    await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    const sessions = Array.from({ length: 50 }, (_, n) => newSession(n))
    await Promise.all(sessions.map((session) => store.create(session)))
    const found = await Promise.all(sessions.map(({ id }) => store.find(id)))
    expect(found.filter(({ status }) => status === 'live')).toHaveLength(50)
  })

  it('after close, without closing the client, which is the application’s', async () => {
    const server = await started(SOUND)
    const client = await connected(server)
    const store = redis(client)
    await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    await store.close()
    expect(await client.ping()).toBe('PONG')
  })
})

async function started(settings: readonly string[]): Promise<RedisServer> {
  const server = await RedisServer.start(settings)
  cleanup.push(() => server.stop())
  return server
}

/** A primary whose replica has caught up. */
async function withReplica(settings: readonly string[]): Promise<RedisServer> {
  const primary = await started(settings)
  await started([...SOUND, '--replicaof', `127.0.0.1 ${primary.port}`])
  const client = await connected(primary)
  while ((await client.wait(1, 100)) < 1) await client.ping()
  return primary
}

async function connected(server: RedisServer) {
  const client = await createClient({ url: server.url }).connect()
  cleanup.push(() => client.destroy())
  return client
}

async function opened(server: RedisServer, options: RedisOptions = {}) {
  const store = redis(await connected(server), options)
  await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
  return store
}
