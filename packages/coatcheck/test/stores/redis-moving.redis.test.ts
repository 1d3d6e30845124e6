import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import type { SessionId, SessionRecord, Tombstone } from '../../src/core/record.ts'
import type { Live, NewSession, SessionStore } from '../../src/core/store.ts'
import { partitionOfUser } from '../../src/core/token.ts'
import {
  IDLE,
  newSession,
  nextRotation,
  replaceOptions,
  sessionId,
  sessionIdOf,
} from '../../src/store-testing/fixtures.ts'
import { memory } from '../../src/stores/memory.ts'
import type { NodeRedisClient } from '../../src/stores/redis/node-redis-driver.ts'
import { scriptOf } from '../../src/stores/redis/scripts.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { RETENTION, redisOnTestClock } from './redis-harness.ts'

const USER = 'ada'
const DAY = 86_400_000
/** More than Redis keeps in a list, where a page would be all of a partition. */
const MANY = 700
const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

describe('a scan of the redis store', () => {
  it('shows every session and tombstone that stays, while others come and go', async () => {
    const { store } = await started()
    const staying = await filled(store)
    const shown = await scanned(store, async (page) => {
      // A hash that grows, and shrinks, puts its elements elsewhere.
      for (let i = 0; i < 5; i++) await store.create(ofUser(10_000 + 5 * page + i))
      await store.end(ofUser(10_000 + 5 * page).id, { reason: 'logout' })
    })
    expectAll(shown, staying)
  })

  it('looks at no more than a slice at once, whatever is asked for', async () => {
    const { store } = await started()
    await filled(store)
    const { sessions, tombstones } = await store.scan({ limit: Number.MAX_SAFE_INTEGER, cursor: null })
    expect(sessions.length + tombstones.length).toBeLessThan(MANY / 2)
  })

  it('misses nothing where the server is another one from page to page', async () => {
    const { server, store } = await started(['--appendonly', 'yes'])
    const staying = await filled(store)
    let restarts = 0
    const shown = await scanned(store, async (_, last) => {
      // In the middle of the partition of the user, where most are.
      if (last?.userId !== USER || restarts > 1) return
      restarts++
      await server.kill('SIGTERM')
      await server.restart()
    })
    expect(restarts).toBe(2)
    expectAll(shown, staying)
  })

  it('shows what has ended with its user as a tombstone, and leaves all other ends to who tells them', async () => {
    const { environment, store } = await started()
    await store.create(ofUser(1))
    await store.create(newSession(2))
    await store.endUser(USER, { reason: 'revoked' })
    const { sessions, tombstones } = await scanned(store)
    expect(sessions.map(({ id }) => id)).toEqual([sessionId(2)])
    expect(tombstones).toMatchObject([{ id: ofUser(1).id, reason: 'revoked', userId: USER }])
    environment.advance(IDLE)
    expect((await scanned(store)).sessions).toEqual([])
    expect((await store.sweep({ limit: 10 })).ended).toMatchObject([{ id: sessionId(2), reason: 'idle' }])
  })

  it('goes on when the memory of the server is full', async () => {
    const { client, store } = await started()
    await store.create(ofUser(1))
    await store.create(newSession(2))
    await store.endUser(USER, { reason: 'revoked' })
    await client.configSet('maxmemory', '1')
    const { sessions, tombstones } = await scanned(store)
    expect([sessions.length, tombstones.length]).toEqual([1, 1])
  })

  it.each(['', '1', '256.0.a', '1.-1.a', `1.0.a\n`])('refuses %j as a cursor', async (cursor) => {
    const { store } = await started()
    await expect(store.scan({ limit: 1, cursor })).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })
})

describe('P1 a session that is taken over', () => {
  it.each([
    ['its user', (store: SessionStore) => store.endUser(USER, { reason: 'revoked' })],
    ['everyone', (store: SessionStore) => store.endEveryone({ reason: 'breach' })],
  ])('while %s is ended does not live afterwards', async (_whose, end) => {
    const { server, environment, store } = await started()
    const other = await opened(await connect(server), environment)
    const outcomes = new Set<string>()
    for (let n = 0; n < 60; n++) {
      const session = await elsewhere(ofUser(n))
      const ifEpoch = await store.epochFor(session.record)
      const adopt = async () => outcomes.add((await store.adopt(session, { ifEpoch })).outcome)
      const calls = [adopt, () => end(other)]
      await Promise.all((n % 2 === 0 ? calls : calls.reverse()).map((call) => call()))
      expect((await store.find(session.record.id)).status).not.toBe('live')
      expect((await store.adopt(session, { ifEpoch })).outcome).toMatch(/^(ended|stale)$/)
    }
    expect([...outcomes].sort()).toEqual(['ok', 'stale'])
  })

  it('without a user does not live where everyone was ended after its epoch was asked for', async () => {
    const { store } = await started()
    const session = await elsewhere(newSession(1))
    const ifEpoch = await store.epochFor(session.record)
    await store.endEveryone({ reason: 'breach' })
    expect(await store.adopt(session, { ifEpoch })).toEqual({ outcome: 'stale' })
    const now = await store.epochFor(session.record)
    expect(await store.adopt(session, { ifEpoch: now })).toMatchObject({
      outcome: 'ok',
      record: { epoch: now },
    })
  })

  it('is not taken over, nor shown as live, while a login stores it', async () => {
    const { client, environment, store } = await started()
    const visitor = newSession(1)
    const session = ofUser(2)
    await store.create(visitor)
    const stopping = await opened(failingAt(client, 'activate'), environment)
    const login = () => replaceOptions('login', { requireOld: true })
    await expect(stopping.replace(visitor.id, session, login())).rejects.toThrow()
    expect(await store.adopt(await elsewhere(session), { ifEpoch: null })).toEqual({ outcome: 'stale' })
    expect((await scanned(store)).sessions).toEqual([])
    await store.bury(tombstoneOf(session.id), { now: 0 })
    expect((await store.replace(visitor.id, session, login())).outcome).not.toBe('ok')
    expect(await store.find(session.id)).toMatchObject({ status: 'ended', tombstone: { reason: 'revoked' } })
  })
})

describe('P1 a session that ends because it has ended elsewhere', () => {
  it('ends again on a server that has lost it', async () => {
    const { server, client, environment } = await started()
    const replica = await RedisServer.start(['--save', '', '--replicaof', `127.0.0.1 ${server.port}`])
    cleanup.push(() => replica.stop())
    while ((await client.wait(1, 100)) < 1) await client.ping()
    const store = await opened(client, environment, 1)
    const { id } = ofUser(1)
    await store.create(ofUser(1))
    await client.sendCommand(['SAVE'])
    copyFileSync(join(server.directory, 'dump.rdb'), join(server.directory, 'older.rdb'))
    expect(await store.bury(tombstoneOf(id), { now: 0 })).toEqual({ outcome: 'ended' })
    await server.kill('SIGKILL')
    copyFileSync(join(server.directory, 'older.rdb'), join(server.directory, 'dump.rdb'))
    await server.restart()
    const reader = await opened(await connect(server), environment)
    let found = await reader.find(id)
    while (found.status === 'live') found = await reader.find(id)
    expect(found).toMatchObject({ status: 'ended', tombstone: { reason: 'revoked' } })
  })
})

describe('what the redis store takes over', () => {
  it('has all instants moved by what the clocks differ, also those of the rotating half', async () => {
    const { environment, store } = await started()
    const { record } = await elsewhere(newSession(1, { data: { 'ü "\u0001': ['\u0001-5\u0001'] } }))
    const at = record.createdAt
    const rotated = nextRotation({ ...record.rotation, rotatedAt: at }, 3).next
    const previous = rotated.previous && {
      ...rotated.previous,
      context: '\u00017\u0001',
      settledAt: at + 9_000,
    }
    const session: Live = {
      now: at + 10_000,
      record: { ...record, authenticatedAt: at + 1, rotation: { ...rotated, previous } },
    }
    const ahead = environment.now() - session.now
    const taken = await store.adopt(session, { ifEpoch: null })
    expect(taken).toEqual({
      outcome: 'ok',
      now: environment.now(),
      record: {
        ...session.record,
        epoch: await store.epochFor(record),
        createdAt: at + ahead,
        authenticatedAt: at + 1 + ahead,
        lastSeenAt: record.lastSeenAt + ahead,
        expiresAt: record.expiresAt + ahead,
        rotation: {
          ...rotated,
          rotatedAt: rotated.rotatedAt + ahead,
          previous: previous && {
            ...previous,
            handedOutAt: previous.handedOutAt + ahead,
            usedAt: previous.usedAt && previous.usedAt + ahead,
            windowStartedAt: previous.windowStartedAt && previous.windowStartedAt + ahead,
            settledAt: previous.settledAt + ahead,
          },
        },
      },
    })
  })

  it('stays in Redis for the rest of its life and no longer', async () => {
    const { client, store } = await started()
    const rest = 5_000_000
    const session = await elsewhere(ofUser(1, { absoluteTimeout: 100 * DAY }))
    const now = session.record.expiresAt - rest
    await store.adopt({ record: { ...session.record, lastSeenAt: now }, now }, { ifEpoch: null })
    const kept = rest + RETENTION + DAY
    for (const left of await timesToLive(client)) {
      expect(left).toBeGreaterThan(kept)
      expect(left).toBeLessThan(kept + DAY)
    }
  })

  it('stays in Redis until a sweep removes it, where it is but a tombstone', async () => {
    const { client, environment, store } = await started()
    const { id } = ofUser(1)
    expect(await store.bury(tombstoneOf(id), { now: RETENTION - 1 })).toEqual({ outcome: 'buried' })
    const left = await timesToLive(client)
    expect(left).toHaveLength(2)
    for (const milliseconds of left) expect(milliseconds).toBeGreaterThan(RETENTION + DAY - 60_000)
    environment.advance(1)
    expect((await store.sweep({ limit: 10 })).tombstonesRemoved).toBe(1)
    expect(await client.keys('*')).toEqual([])
    expect(await store.bury(tombstoneOf(id), { now: RETENTION })).toEqual({ outcome: 'over' })
  })

  it('has to lie in the partition of its user, unless the id is taken', async () => {
    const { store } = await started()
    const id = sessionIdOf(1, 'somebody whose partition is another')
    expect(partitionOfUser('somebody whose partition is another')).not.toBe(partitionOfUser(USER))
    const { record, now } = await elsewhere(ofUser(1))
    const misplaced = { now, record: { ...record, id } }
    await expect(store.adopt(misplaced, { ifEpoch: null })).rejects.toMatchObject({ code: 'ERR_USAGE' })
    expect(await store.find(id)).toEqual({ status: 'unknown' })
    await store.create(newSession(1, { id }))
    expect(await store.adopt(misplaced, { ifEpoch: null })).toMatchObject({
      outcome: 'exists',
      record: { userId: null },
    })
  })

  it('needs memory, but ending what lives does not', async () => {
    const { client, store } = await started()
    await store.create(ofUser(1))
    await client.configSet('maxmemory', '1')
    const full = { code: 'ERR_STORE_FULL', retryable: true }
    await expect(store.adopt(await elsewhere(ofUser(2)), { ifEpoch: null })).rejects.toMatchObject(full)
    await expect(store.bury(tombstoneOf(ofUser(3).id), { now: 0 })).rejects.toMatchObject(full)
    expect(await store.bury(tombstoneOf(ofUser(1).id), { now: 0 })).toEqual({ outcome: 'ended' })
  })
})

function ofUser(n: number, overrides: Partial<NewSession> = {}): NewSession {
  return newSession(n, { id: sessionIdOf(n, USER), userId: USER, ...overrides })
}

function tombstoneOf(id: SessionId): Tombstone {
  return { id, endedAt: 0, reason: 'revoked', userId: USER, replacedBy: null, replacedByUserId: null }
}

/** The session as a store with a clock of its own has it. */
async function elsewhere(session: NewSession): Promise<Live> {
  const other = memory()
  await other.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
  const created = await other.create(session)
  await other.close()
  if (created.outcome !== 'ok') throw new Error('The id is taken.')
  return { record: created.record, now: created.now }
}

/** Sessions and tombstones of one user and of visitors; the ids of both. */
async function filled(store: SessionStore) {
  const live: SessionId[] = []
  const ended: SessionId[] = []
  for (let n = 0; n < MANY; n++) {
    const session = n % 10 === 0 ? newSession(n) : ofUser(n)
    await store.create(session)
    if (n % 7 === 0) await store.end(session.id, { reason: 'logout' })
    const list = n % 7 === 0 ? ended : live
    list.push(session.id)
  }
  return { live, ended }
}

/** All pages; `between` runs after each. */
async function scanned(
  store: SessionStore,
  between: (page: number, last: SessionRecord | undefined) => Promise<void> = async () => {},
) {
  const sessions: SessionRecord[] = []
  const tombstones: Tombstone[] = []
  let cursor: string | null = null
  for (let page = 1; ; page++) {
    const found = await store.scan({ limit: 20, cursor })
    sessions.push(...found.sessions)
    tombstones.push(...found.tombstones)
    cursor = found.cursor
    if (cursor === null) return { sessions, tombstones }
    await between(page, found.sessions.at(-1))
  }
}

function expectAll(
  shown: Awaited<ReturnType<typeof scanned>>,
  staying: { readonly live: readonly SessionId[]; readonly ended: readonly SessionId[] },
) {
  const [sessions, tombstones] = [shown.sessions, shown.tombstones].map(
    (list) => new Set(list.map(({ id }) => id)),
  )
  expect(staying.live.filter((id) => !sessions?.has(id))).toEqual([])
  expect(staying.ended.filter((id) => !tombstones?.has(id))).toEqual([])
  expect(staying.ended.filter((id) => sessions?.has(id))).toEqual([])
}

/** Of all keys, in milliseconds. */
async function timesToLive(client: Awaited<ReturnType<typeof connect>>): Promise<readonly number[]> {
  return Promise.all((await client.keys('*')).map((key) => client.pTTL(key)))
}

/** A server, and a store whose clock is an hour ahead of those elsewhere. */
async function started(settings: readonly string[] = []) {
  const server = await RedisServer.start(['--save', '', ...settings])
  cleanup.push(() => server.stop())
  const client = await connect(server)
  const environment = new FakeEnvironment()
  environment.advance(3_600_000)
  const store = await opened(client, environment)
  return { server, client, environment, store }
}

async function opened(
  client: unknown,
  environment: FakeEnvironment,
  confirmations: number | null = null,
): Promise<SessionStore> {
  const store = redisOnTestClock(client, 'moving:', confirmations)
  await store.open({ environment, tombstoneRetention: RETENTION })
  cleanup.push(() => store.close())
  return store
}

async function connect(server: RedisServer) {
  const client = createClient({ url: server.url, socket: { reconnectStrategy: 10 } })
  client.on('error', () => {})
  await client.connect()
  cleanup.push(() => client.destroy())
  return client
}

/** The client, which fails to run the script of this name. */
function failingAt(client: NodeRedisClient, name: Parameters<typeof scriptOf>[0]): unknown {
  const { sha } = scriptOf(name)
  return {
    on: () => {},
    off: () => {},
    multi: client.multi.bind(client),
    async evalSha(...args: Parameters<NodeRedisClient['evalSha']>) {
      if (args[0] === sha) throw new Error('The connection was lost.')
      return client.evalSha(...args)
    },
    eval: client.eval.bind(client),
  }
}
