import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, replaceOptions, sessionIdOf } from '../../src/store-testing/fixtures.ts'
import type { NodeRedisClient } from '../../src/stores/redis/node-redis-driver.ts'
import { scriptOf } from '../../src/stores/redis/scripts.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { RETENTION, redisHarness, redisOnTestClock } from './redis-harness.ts'

const USER = 'ada'
const NOTHING_SAVED = ['--save', '']
const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe('P2 where every command is sent twice, as by a driver whose connection broke before the answer', () => {
  // What a find, a sweep or a login has ended besides is told by the first of two answers alone.
  const told = /says so once|sweep|STO-07|slice|EXP-10|limit|CON-01|the reason that it was given/
  it('the contract holds, but for who is told what has ended', async () => {
    const client = await connect(await started(NOTHING_SAVED))
    const { options } = client
    const duplicate = (overrides: object) => client.duplicate(overrides)
    const calls = { evalSha: doubled(client, 'evalSha'), eval: doubled(client, 'eval') }
    const twice = { ...emitter(client), ...calls, options, duplicate }
    const failed: string[] = []
    for (const storeCase of storeContractCases.filter(({ name }) => !told.test(name))) {
      const result = await runStoreCase(storeCase, () => redisHarness([twice]))
      if (result.status === 'failed') failed.push(`${result.name}: ${String(result.error)}`)
    }
    expect(failed).toEqual([])
  })
})

describe('a login from a visitor to a user, whose steps lie in two partitions', () => {
  it('P1 P5 that stops between its steps leaves neither session alive, and is finished by a repetition', async () => {
    const client = await connect(await started(NOTHING_SAVED))
    const { visitor, session, options, opened } = login()
    const store = await opened(client)
    await store.create(visitor)
    const stopping = await opened(failingAt(client, 'activate'))
    await expect(stopping.replace(visitor.id, session, options)).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    })
    expect(await store.find(visitor.id)).toMatchObject({
      status: 'ended',
      tombstone: { replacedBy: session.id },
    })
    expect(await store.find(session.id)).toEqual({ status: 'unknown' })
    expect((await store.list(USER, { limit: 10, cursor: null })).sessions).toEqual([])
    expect(await store.replace(visitor.id, session, options)).toMatchObject({
      outcome: 'ok',
      record: { data: { cart: [1] } },
    })
  })

  it('CON-01 counts for the limit while it waits, and makes room by itself if it never comes', async () => {
    const client = await connect(await started(NOTHING_SAVED))
    const { environment, visitor, session, options, opened } = login()
    const store = await opened(client)
    await store.create(visitor)
    const stopping = await opened(failingAt(client, 'activate'))
    await stopping.replace(visitor.id, session, options).catch(() => {})
    const limit = { count: 1, onLimit: 'refuse' } as const
    const other = newSession(7, { id: sessionIdOf(7, USER), userId: USER })
    expect(await store.replace(null, other, replaceOptions('a', { limit }))).toEqual({ outcome: 'limit' })
    environment.advance(30_000)
    expect((await store.replace(null, other, replaceOptions('b', { limit }))).outcome).toBe('ok')
  })

  it('CON-09 is refused where the user was ended between its steps, and leaves none alive', async () => {
    const client = await connect(await started(NOTHING_SAVED))
    const { visitor, session, options, opened } = login()
    const store = await opened(client)
    await store.create(visitor)
    const interrupted = await opened(
      before(client, 'activate', () => store.endUser(USER, { reason: 'revoked' })),
    )
    expect(await interrupted.replace(visitor.id, session, options)).toEqual({ outcome: 'stale' })
    expect(await store.find(session.id)).toEqual({ status: 'unknown' })
    expect((await store.list(USER, { limit: 10, cursor: null })).sessions).toEqual([])
  })

  it('CON-04 is refused where everyone was ended between its steps, and leaves none alive', async () => {
    const client = await connect(await started(NOTHING_SAVED))
    const { visitor, session, options, opened } = login()
    const store = await opened(client)
    await store.create(visitor)
    const interrupted = await opened(
      before(client, 'activate', () => store.endEveryone({ reason: 'breach' })),
    )
    expect(await interrupted.replace(visitor.id, session, options)).toEqual({ outcome: 'stale' })
    expect((await store.find(session.id)).status).not.toBe('live')
    expect((await store.find(visitor.id)).status).toBe('ended')
  })

  it('P2 carries what was written between its steps', async () => {
    const client = await connect(await started(NOTHING_SAVED))
    const { visitor, session, options, opened } = login()
    const store = await opened(client)
    await store.create(visitor)
    let writes = 0
    const interrupted = await opened(
      before(client, 'depart', async () => {
        if (writes++ > 2) return
        const append = { kind: 'append', field: 'cart', value: writes } as const
        await store.mutate(visitor.id, [append], mutateOptions(`write ${writes}`))
      }),
    )
    expect(await interrupted.replace(visitor.id, session, options)).toMatchObject({
      outcome: 'ok',
      record: { data: { cart: [1, 1, 2, 3] } },
    })
  })
})

describe('P1 what was acknowledged', () => {
  it('is there after kill -9 in the middle of writes, with an append-only file', async () => {
    const server = await started([...NOTHING_SAVED, '--appendonly', 'yes', '--appendfsync', 'always'])
    const { opened } = login()
    const store = await opened(await connect(server))
    const ended: string[] = []
    const written: string[] = []
    const sessions = Array.from({ length: 60 }, (_, n) => newSession(n, { data: { n: 0 } }))
    for (const session of sessions) await store.create(session)
    let answers = 0
    const load = sessions.map(async ({ id }, n) => {
      for (let i = 1; i < 20; i++) {
        await store.mutate(id, [{ kind: 'add', field: 'n', amount: 1 }], mutateOptions(`${n} ${i}`))
        if (++answers === 300) await server.kill('SIGKILL')
        if (i === 10 && n % 2) {
          await store.end(id, { reason: 'logout' })
          ended.push(id)
          return
        }
        written[n] = String(i)
      }
    })
    await Promise.allSettled(load)
    await server.restart()
    const after = await opened(await connect(server))
    expect(written.length).toBeGreaterThan(0)
    for (const [n, { id }] of sessions.entries()) {
      const found = await after.find(id)
      if (ended.includes(id)) expect(found).toMatchObject({ status: 'ended' })
      else if (found.status === 'live') {
        expect(Number(found.record.data.n)).toBeGreaterThanOrEqual(Number(written[n] ?? 0))
      }
      if (n % 2 === 0) expect(found.status).toBe('live')
    }
  })

  it('is not acknowledged at all where no replica confirms it', async () => {
    const server = await started(NOTHING_SAVED)
    const { environment } = login()
    for (const client of [await connect(server), ioredis(server)]) {
      const store = redisOnTestClock(client, 'alone:', 1, 50)
      await store.open({ environment, tombstoneRetention: RETENTION })
      const { id } = newSession(client instanceof Redis ? 1 : 2)
      await store.create(newSession(client instanceof Redis ? 1 : 2))
      await expect(store.end(id, { reason: 'logout' })).rejects.toMatchObject({
        code: 'ERR_NOT_DURABLE',
        retryable: false,
      })
      await store.close()
    }
  })

  it.each([
    { name: 'redis, when it reconnects', client: connect, step: 0 },
    { name: 'ioredis, when it reconnects', client: ioredis, step: 0 },
    { name: 'a client that tells nothing, after a while', client: silent, step: 1_000 },
  ])('is said again to a server that has lost it, through $name', async ({ client, step }) => {
    const primary = await started([...NOTHING_SAVED, '--appendonly', 'no'])
    await started([...NOTHING_SAVED, '--replicaof', `127.0.0.1 ${primary.port}`])
    const admin = await connect(primary)
    while ((await admin.wait(1, 100)) < 1) await admin.ping()
    const { environment } = login()
    const store = redisOnTestClock(await client(primary), 'lost:', 1)
    await store.open({ environment, tombstoneRetention: RETENTION })
    const [one, other] = [newSession(1), newSession(2)]
    const mine = [3, 4].map((n) => newSession(n, { id: sessionIdOf(n, USER), userId: USER }))
    const kept = newSession(5, { id: sessionIdOf(5, USER), userId: USER })
    for (const session of [one, other, ...mine, kept]) await store.create(session)
    await admin.sendCommand(['SAVE'])
    copyFileSync(join(primary.directory, 'dump.rdb'), join(primary.directory, 'older.rdb'))
    await store.end(one.id, { reason: 'logout' })
    await store.endUser(USER, { reason: 'password-changed', except: [kept.id] })
    await primary.kill('SIGKILL')
    copyFileSync(join(primary.directory, 'older.rdb'), join(primary.directory, 'dump.rdb'))
    await primary.restart()
    const reader = redisOnTestClock(await connect(primary), 'lost:')
    await reader.open({ environment, tombstoneRetention: RETENTION })
    const reasonOf = (id: SessionId) => reasonOnceEnded(reader, id, () => environment.advance(step))
    expect(await reasonOf(one.id)).toBe('logout')
    for (const { id } of mine) expect(await reasonOf(id)).toBe('password-changed')
    for (const { id } of [other, kept]) expect((await reader.find(id)).status).toBe('live')
    await store.close()
  })

  it.each([
    { name: 'everyone, from where nobody had ever been', end: everyone },
    { name: 'a user, who came back within the same millisecond', end: theUser },
  ])('P3 is said again without ending who signed in since: the end of $name', async ({ end }) => {
    const { store, statusAfterAll } = await replicated()
    await end(store)
    const session = newSession(1, { id: sessionIdOf(1, USER), userId: USER })
    await store.create(session)
    expect(await statusAfterAll(session.id)).toBe('live')
  })

  it('P3 is not said again where it was refused', async () => {
    const { client, store, statusAfterAll } = await replicated()
    const session = newSession(1)
    await store.create(session)
    await client.configSet('min-replicas-to-write', '2')
    const refused = { code: 'ERR_STORE_UNAVAILABLE', retryable: true }
    await expect(store.end(session.id, { reason: 'logout' })).rejects.toMatchObject(refused)
    await client.configSet('min-replicas-to-write', '0')
    expect(await statusAfterAll(session.id)).toBe('live')
  })

  it('does not come back where an end of the user is sent once more after many others', async () => {
    const client = await connect(await started(NOTHING_SAVED))
    const { opened } = login()
    const store = await opened(client)
    const sent: Parameters<NodeRedisClient['evalSha']>[] = []
    const recorded = await opened(recording(client, 'endUser', sent))
    const session = newSession(1, { id: sessionIdOf(1, USER), userId: USER })
    // So that the server knows the script, and the call that is recorded is the one that it takes.
    await recorded.endUser('nobody', { reason: 'revoked' })
    await recorded.endUser(USER, { reason: 'revoked' })
    await store.create(session)
    for (let i = 0; i < 20; i++) await store.endUser(USER, { reason: 'revoked' })
    const [sha, options] = sent.at(-1) ?? ['']
    await client.evalSha(sha, options)
    expect((await store.find(session.id)).status).toBe('ended')
  })
})

/** A store on a primary that has a replica, and what becomes of a session once all has been said again that is. */
async function replicated() {
  const primary = await started(NOTHING_SAVED)
  await started([...NOTHING_SAVED, '--replicaof', `127.0.0.1 ${primary.port}`])
  const client = await connect(primary)
  while ((await client.wait(1, 100)) < 1) await client.ping()
  const { environment } = login()
  const store = redisOnTestClock(client, 'since:', 1)
  await store.open({ environment, tombstoneRetention: RETENTION })
  const statusAfterAll = async (id: SessionId) => {
    environment.advance(1_000)
    // Waits for calls under way.
    await store.close()
    const reader = redisOnTestClock(client, 'since:')
    await reader.open({ environment, tombstoneRetention: RETENTION })
    return (await reader.find(id)).status
  }
  return { client, store, statusAfterAll }
}

function everyone(store: SessionStore): Promise<unknown> {
  return store.endEveryone({ reason: 'breach' })
}

function theUser(store: SessionStore): Promise<unknown> {
  return store.endUser(USER, { reason: 'revoked' })
}

function login() {
  const environment = new FakeEnvironment()
  return {
    environment,
    visitor: newSession(1, { data: { cart: [1] } }),
    session: newSession(2, { id: sessionIdOf(2, USER), userId: USER }),
    options: replaceOptions('login', { carry: 'all', requireOld: true }),
    async opened(client: unknown) {
      const store = redisOnTestClock(client, 'login:')
      await store.open({ environment, tombstoneRetention: RETENTION })
      cleanup.push(() => store.close())
      return store
    },
  }
}

/** Why a session has ended, once it has; time passes as long as it has not. */
async function reasonOnceEnded(store: SessionStore, id: SessionId, pass: () => void): Promise<unknown> {
  for (;;) {
    const found = await store.find(id)
    if (found.status === 'ended') return found.tombstone.reason
    if (found.status === 'unknown') return null
    pass()
  }
}

/** The client, which fails to run the script of this name. */
function failingAt(client: NodeRedisClient, name: Parameters<typeof scriptOf>[0]): unknown {
  return before(client, name, () => Promise.reject(new Error('The connection was lost.')))
}

/** The client, which does something else before it runs the script of this name. */
function before(
  client: NodeRedisClient,
  name: Parameters<typeof scriptOf>[0],
  work: () => Promise<unknown>,
): unknown {
  const { sha } = scriptOf(name)
  return {
    ...emitter(client),
    async evalSha(...args: Parameters<NodeRedisClient['evalSha']>) {
      if (args[0] === sha) await work()
      return client.evalSha(...args)
    },
    eval: client.eval.bind(client),
  }
}

/** The client, which notes down each call of the script of this name. */
function recording(
  client: NodeRedisClient,
  name: Parameters<typeof scriptOf>[0],
  sent: Parameters<NodeRedisClient['evalSha']>[],
): unknown {
  const { sha } = scriptOf(name)
  return {
    ...emitter(client),
    evalSha(...args: Parameters<NodeRedisClient['evalSha']>) {
      if (args[0] === sha) sent.push(args)
      return client.evalSha(...args)
    },
    eval: client.eval.bind(client),
  }
}

/** A client without events. */
async function silent(server: RedisServer): Promise<unknown> {
  const client = await connect(server)
  return { ...emitter(client), evalSha: client.evalSha.bind(client), eval: client.eval.bind(client) }
}

function doubled(client: NodeRedisClient, method: 'evalSha' | 'eval') {
  return async (...args: Parameters<NodeRedisClient['eval']>) => {
    await client[method](...args)
    return client[method](...args)
  }
}

function emitter(client: NodeRedisClient) {
  const nothing = () => {}
  return { on: nothing, off: nothing, multi: client.multi.bind(client) }
}

async function started(settings: readonly string[]): Promise<RedisServer> {
  const server = await RedisServer.start(settings)
  cleanup.push(() => server.stop())
  return server
}

async function connect(server: RedisServer) {
  const client = createClient({ url: server.url, socket: { reconnectStrategy: 10 } })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

function ioredis(server: RedisServer): Redis {
  const client = new Redis(server.port, '127.0.0.1', { retryStrategy: () => 10, maxRetriesPerRequest: null })
  client.on('error', () => {})
  cleanup.push(() => client.disconnect())
  return client
}
