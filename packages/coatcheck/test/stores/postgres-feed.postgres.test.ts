import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NearCache } from '../../src/cache/near-cache.ts'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import {
  mutateOptions,
  newSession,
  nextRotation,
  replaceOptions,
  sessionId,
} from '../../src/store-testing/fixtures.ts'
import { postgres, postgresMigration } from '../../src/stores/postgres.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { createNode, keysOf, login, type Node, sessionOf, validate } from '../helpers/nodes.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import {
  ALL_LOST,
  changed,
  cleanUp,
  end,
  freshSchema,
  openFed,
  PARTITION,
  startFed,
} from './postgres-feed-fixture.ts'
import { openClient, RETENTION } from './postgres-harness.ts'
import { echoOf, listening, Recorder } from './redis-feed-recorder.ts'

const USER = 'ada "Ä" {}'
const SET = { kind: 'set', field: 'theme', value: 'dark' } as const
const cleanup = cleanUp()
let server: PostgresServer

beforeAll(async () => {
  server = await PostgresServer.start()
})

afterAll(() => server.dispose())

describe.each(['pg', 'postgres'] as const)('the feed of changes of PostgreSQL through %s', (driver) => {
  /** Two nodes over one schema. */
  async function fleet() {
    const schema = freshSchema()
    const store = await openFed(cleanup, driver, { port: server.port, schema })
    const other = await openFed(cleanup, driver, { port: server.port, schema })
    return { store, other, schema }
  }

  it('P7 tells in order of all that another node has changed, before the echo of a later probe', async () => {
    const { store, other } = await fleet()
    for (const n of [1, 2, 3]) await other.create(user(n))
    await other.create(newSession(4))
    const { feed, recorder } = await listening(store)
    await other.mutate(sessionId(1), [SET], mutateOptions('set'))
    await other.rotate(sessionId(1), nextRotation(await rotationOf(other, 1), 1))
    const rotation = nextRotation(await rotationOf(other, 3), 2)
    await other.touch([{ id: sessionId(3), ago: 0, rotation }])
    await end(other, 3)
    const limit = { count: 2, onLimit: 'evict-oldest' } as const
    await other.replace(sessionId(2), user(5), replaceOptions('step-up', { limit }))
    await other.replace(null, user(6), replaceOptions('login', { limit }))
    await other.replace(sessionId(4), newSession(7), replaceOptions('from a visitor'))
    await other.endUser(USER, { reason: 'revoked' })
    await other.endEveryone({ reason: 'breach' })
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([
      ...[1, 1, 3, 3, 2, 1, 4].map(changed),
      { kind: 'user', userId: USER },
      { kind: 'everyone', partitions: null },
    ])
  })

  it('tells of its own changes, too, and none of another schema', async () => {
    const [one, two] = [await fleet(), await fleet()]
    await one.store.create(newSession(1))
    await two.store.create(newSession(1))
    const { feed, recorder } = await listening(one.store)
    await end(one.store, 1)
    await end(two.store, 1)
    await echoOf(feed, one.store, PARTITION)
    expect(recorder.take()).toEqual([changed(1)])
  })

  it('tells nothing of activity, looks, sweeps, ends by a deadline, and calls that change nothing', async () => {
    const { store, other } = await fleet()
    await other.create(user(1))
    await other.create(newSession(2, { idleTimeout: 0, absoluteTimeout: 0 }))
    await other.mutate(sessionId(1), [SET], mutateOptions('again'))
    const { feed, recorder } = await listening(store)
    const stale = { ...nextRotation(await rotationOf(other, 1), 1), ifRevision: 7 }
    await other.touch([
      { id: sessionId(1), ago: 0 },
      { id: sessionId(1), ago: 0, rotation: stale },
    ])
    await other.rotate(sessionId(1), stale)
    await other.find(sessionId(1))
    await other.mutate(sessionId(1), [SET], mutateOptions('again'))
    await other.mutate(sessionId(1), [SET], mutateOptions('conflict', { ifVersion: 9 }))
    await end(other, 9)
    expect(await other.find(sessionId(2))).toMatchObject({ status: 'ended' })
    await end(other, 2)
    await other.create(newSession(3, { idleTimeout: 0, absoluteTimeout: 0 }))
    expect((await other.sweep({ limit: 100 })).ended).toHaveLength(1)
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([])
  })

  it.each([
    ['with NUL and half a character in it', `a\0b\ud800`],
    ['of 256 characters that take six bytes each', '\ud800'.repeat(256)],
  ])('tells of a user id %s', async (_, userId) => {
    const { store } = await fleet()
    const { feed, recorder } = await listening(store)
    await store.endUser(userId, { reason: 'revoked' })
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([{ kind: 'user', userId }])
  })

  it('takes all for lost where an id is longer than a notification may be, and the call is made', async () => {
    const { store } = await fleet()
    const userId = 'a'.repeat(9_000)
    await store.create(newSession(1, { userId }))
    const { feed, recorder } = await listening(store)
    expect((await store.endUser(userId, { reason: 'revoked' })).ended).toHaveLength(1)
    await echoOf(feed, store, PARTITION)
    expect(recorder.take()).toEqual([ALL_LOST])
  })

  it('P7 keeps the order of changes and echoes, whatever comes at the same time', async () => {
    const { store, feed, recorder } = await startFed(cleanup, driver, { port: server.port })
    let made = 0
    const echoes: { readonly partitions: readonly number[] | null; readonly isLate: boolean }[] = []
    const write = async (n: number) => {
      await store.mutate(sessionId(n % 20), [SET], mutateOptions(`write ${n}`))
      made++
      const before = made
      feed.probe((partitions) => echoes.push({ partitions, isLate: recorder.told.length < before }))
    }
    await Promise.all(Array.from({ length: 300 }, (_, n) => write(n)))
    await echoOf(feed, store, PARTITION)
    expect(echoes).toEqual(Array(300).fill({ partitions: null, isLate: false }))
  })

  it('is opened once at a time', async () => {
    const { store } = await fleet()
    await listening(store)
    await expect(store.changes?.(new Recorder())).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })

  it('P7 has a session that one node revoked refused by the cache of another', async () => {
    const schema = freshSchema()
    const [one, two] = [await nodeOver(schema), await nodeOver(schema)]
    const { token, session } = await login(one, 'ada')
    await untilCached(two, token)
    await one.manager.revoke(session.record.id)
    // No clock moves here: nothing but the news of the end takes the session out of the cache.
    while ((await validate(two, token)).ok) await two.store.health()
    await one.manager.close()
    await two.manager.close()
  })

  async function nodeOver(schema: string): Promise<Node> {
    const { client, end: endClient } = openClient(driver, server.url())
    cleanup.push(endClient)
    return createNode({
      store: postgres(client, { schema }),
      keys: keysOf([0, 'current']),
      nearCache: true,
    })
  }

  it('needs the grants that the documentation names, and says so', async () => {
    const schema = freshSchema()
    const { admin } = administrator()
    const role = `app_of_${schema}`
    await admin.query(postgresMigration({ schema }))
    await admin.query(`
      CREATE ROLE ${role} LOGIN;
      GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};
    `)
    const { client, end: endClient } = openClient(driver, server.url('postgres', role))
    cleanup.push(endClient)
    const store = postgres(client, { schema })
    cleanup.push(() => store.close())
    await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    const refusal = store.changes?.(new Recorder())
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_STORE_SETTING', name: 'ConfigError' })
    await expect(refusal).rejects.toThrow(`GRANT UPDATE ON ALL SEQUENCES IN SCHEMA "${schema}"`)
    await admin.query(`GRANT UPDATE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`)
    const { feed } = await listening(store)
    await echoOf(feed, store, PARTITION)
  })

  it('connects with the password of the client, where that hides it', async () => {
    const { admin } = administrator()
    const role = `keyed_${driver}`
    await admin.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'hidden'`)
    const path = join(server.data, 'pg_hba.conf')
    writeFileSync(path, `host all ${role} 127.0.0.1/32 scram-sha-256\n${readFileSync(path, 'utf8')}`)
    await admin.query('SELECT pg_reload_conf()')
    while (await isAdmitted(server.url('postgres', role)));
    const { client, end: endClient } = openClient(driver, server.url('postgres', `${role}:hidden`))
    cleanup.push(endClient)
    const store = postgres(client, { schema: freshSchema() })
    cleanup.push(() => store.close())
    await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    const { feed } = await listening(store)
    await echoOf(feed, store, PARTITION)
  })

  function administrator() {
    const { client, end: endClient } = openClient('pg', server.url(), { max: 1 })
    cleanup.push(endClient)
    return { admin: client as unknown as { query(text: string): Promise<unknown> } }
  }
})

it('a client that does not tell how it connects has no feed, and is told what to give instead', async () => {
  const { client, end: endClient } = openClient('pg', server.url())
  cleanup.push(endClient)
  const pool = client as { query(query: unknown): Promise<{ rows: [] }> }
  const wrapped = { query: (query: object) => pool.query(query), connect() {} }
  const store = postgres(wrapped as never, { schema: freshSchema() })
  await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
  const refusal = store.changes?.(new Recorder())
  await expect(refusal).rejects.toMatchObject({ code: 'ERR_STORE_SETTING' })
  await expect(refusal).rejects.toThrow(/option listen/)
  await store.close()
})

it('connects to whichever host takes the connection, where postgres was given several', async () => {
  const hosts = `127.0.0.1:1,127.0.0.1:${server.port}`
  const { client, end: endClient } = openClient('postgres', `postgres://postgres@${hosts}/postgres`)
  cleanup.push(endClient)
  const store = postgres(client, { schema: freshSchema() })
  cleanup.push(() => store.close())
  await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
  const { feed } = await listening(store)
  await echoOf(feed, store, PARTITION)
})

it('the option listen takes a client, and nothing else', () => {
  const { client, end: endClient } = openClient('pg', server.url())
  cleanup.push(endClient)
  expect(() => postgres(client, { listen: server.url() as never })).toThrow(
    /Option listen of postgres\(\) needs/,
  )
})

async function isAdmitted(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, password: 'wrong' })
  try {
    await client.connect()
  } catch {
    return false
  }
  await client.end()
  return true
}

async function untilCached(node: Node, token: string): Promise<void> {
  expect(node.cache).toBeInstanceOf(NearCache)
  while (!(await sessionOf(node, token)).isFromCache) await node.store.health()
}

function user(n: number) {
  return newSession(n, { userId: USER })
}

async function rotationOf(store: SessionStore, n: number) {
  const found = await store.find(sessionId(n) as SessionId)
  if (found.status !== 'live') throw new Error(found.status)
  return found.record.rotation
}
