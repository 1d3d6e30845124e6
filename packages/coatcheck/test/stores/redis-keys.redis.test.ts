import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { workspaceRoot } from '../../../../scripts/workspace.ts'
import { keyRing } from '../../src/core/key-sources.ts'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import {
  mutateOptions,
  newSession,
  replaceOptions,
  secretHash,
  sessionIdOf,
} from '../../src/store-testing/fixtures.ts'
import { redis } from '../../src/stores/redis.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { createTestSessions, signedIn } from '../../src/testing/index.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { RETENTION, redisOnTestClock } from './redis-harness.ts'

const USER = 'ada'
const environment = new FakeEnvironment()
let server: RedisServer
let client: Awaited<ReturnType<typeof connect>>
let store: SessionStore

beforeAll(async () => {
  server = await RedisServer.start(['--save', '', '--rdbcompression', 'no'])
  client = await connect()
})

afterAll(async () => {
  client.destroy()
  await server.stop()
})

beforeEach(async () => {
  await client.flushAll()
  store = redisOnTestClock(client, 'test:')
  await store.open({ environment, tombstoneRetention: RETENTION })
})

describe('what the redis store keeps', () => {
  it('lies under the prefix, in keys that all expire by themselves later than a sweep removes them', async () => {
    const { id } = ofUser(1)
    await store.create(ofUser(1))
    await store.create(newSession(2))
    await store.replace(sessionIdOf(2, null), ofUser(3), replaceOptions('login'))
    await store.end(id, { reason: 'logout' })
    for (const end of [
      () => store.endUser(USER, { reason: 'revoked' }),
      () => store.endEveryone({ reason: 'breach' }),
    ]) {
      await end()
      // What says that sessions have ended must not go before them.
      for (const leaving of await client.keys('*:leaving')) {
        const sessions = leaving.replace('leaving', 'sessions')
        expect(await client.pTTL(leaving)).toBeGreaterThanOrEqual(await client.pTTL(sessions))
      }
    }
    expect((await client.keys('*:leaving')).length).toBeGreaterThan(0)
    await store.create(ofUser(4))
    const keys = await client.keys('*')
    expect(keys.length).toBeGreaterThan(5)
    for (const key of keys) {
      expect(key).toMatch(/^test:\{[0-9a-f]{2}\}:(sessions|deadlines|leaving|tombstones|users)$/)
      expect(await client.pTTL(key), `the time to live of ${key}`).toBeGreaterThan(RETENTION + 80_000_000)
    }
  })

  it('STO-01 P6 a copy of it contains no token and no secret', async () => {
    const { sessions } = createTestSessions({
      store: redis(client, { unsafeAllowSettings: true }),
      keys: keyRing([{ key: secretHash(9) }]),
    })
    const agent = await signedIn(sessions, USER)
    await client.sendCommand(['SAVE'])
    const copy = readFileSync(join(server.directory, 'dump.rdb'), 'latin1')
    expect(copy).toContain(agent.sessionId)
    const token = agent.token ?? ''
    expect(token).toHaveLength(68)
    for (let from = 0; from + 16 <= token.length; from += 4) {
      const part = token.slice(from, from + 16)
      // The id, which is public, is characters 2 to 23 of a token, shifted.
      if (!agent.sessionId.includes(part)) expect(copy).not.toContain(part)
    }
    await sessions.close()
  })

  it('STO-04 is gone once sessions have ended and their tombstones were swept', async () => {
    for (let n = 1; n <= 20; n++) await store.create(n % 2 ? ofUser(n) : newSession(n))
    await store.endUser(USER, { reason: 'revoked' })
    await store.endEveryone({ reason: 'breach' })
    while ((await store.sweep({ limit: 7 })).more);
    environment.advance(2 * RETENTION)
    while ((await store.sweep({ limit: 7 })).more);
    const left: string[] = []
    for (const key of await client.keys('*')) {
      if (key.endsWith(':users'))
        left.push(...(await client.hKeys(key)).filter((field) => !isOfEveryone(field)))
      else left.push(key)
    }
    expect(left).toEqual([])
  })

  it('P1 keeps the epoch of a user until the last session that it ended is a tombstone', async () => {
    const lasting = { idleTimeout: 48 * RETENTION, absoluteTimeout: 48 * RETENTION }
    for (let n = 1; n <= 5; n++) await store.create({ ...ofUser(n), ...lasting })
    // One in an earlier partition, so that the slice has less left for sessions than for tombstones.
    await store.create({ ...newSession(6), id: `AA${sessionIdOf(6, null).slice(2)}` as SessionId })
    await store.endUser(USER, { reason: 'revoked' })
    environment.advance(RETENTION + 1)
    await store.sweep({ limit: 2 })
    for (let n = 1; n <= 5; n++) expect((await store.find(ofUser(n).id)).status).not.toBe('live')
  })

  it('CON-09 refuses a login begun before the end of a user whom it has forgotten since', async () => {
    const { user: ifEpoch } = await store.epochs(USER)
    await store.endUser(USER, { reason: 'revoked' })
    environment.advance(RETENTION + 1)
    while ((await store.sweep({ limit: 7 })).more);
    const login = await store.replace(null, ofUser(1), replaceOptions('login', { ifEpoch }))
    expect(login).toEqual({ outcome: 'stale' })
  })

  it('P1 a session whose epochs are lost is dead, and says so', async () => {
    const { id } = ofUser(1)
    await store.create(ofUser(1))
    for (const key of await client.keys('*:users')) await client.del(key)
    expect(await store.find(id)).toMatchObject({
      status: 'ended',
      tombstone: { reason: 'epoch-lost', userId: USER },
      justEnded: true,
    })
  })

  it('STO-05 a value that is no session of ours is damage, not a miss', async () => {
    const { id } = ofUser(1)
    await store.create(ofUser(1))
    const [key = ''] = await client.keys('*:sessions')
    await client.hSet(key, id, 'garbage')
    await expect(store.find(id)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT', retryable: false })
  })
})

describe('the redis store', () => {
  it('finds in exactly one round trip', async () => {
    await store.create(ofUser(1))
    const before = await clientCommands()
    await store.find(ofUser(1).id)
    const after = await clientCommands()
    // Each look at the statistics is one more.
    expect(after - before - 1).toBe(1)
  })

  it.each([
    ['redis', () => client, () => {}],
    [
      'ioredis',
      () => new Redis(server.port, '127.0.0.1'),
      (one: { disconnect?(): void }) => one.disconnect?.(),
    ],
  ])('STO-05 goes on through %s when the server has forgotten its scripts', async (_name, make, end) => {
    const one = make()
    for (const confirmations of [null, 0]) {
      const other = redisOnTestClock(one, `flushed-${confirmations}:`, confirmations)
      await other.open({ environment, tombstoneRetention: RETENTION })
      await other.create(ofUser(1))
      await client.scriptFlush()
      expect((await other.find(ofUser(1).id)).status).toBe('live')
      await client.scriptFlush()
      expect((await other.end(ofUser(1).id, { reason: 'logout' })).outcome).toBe('ended')
    }
    end(one as object)
  })

  it('LIO-01 lets people log out when its memory is full, and takes nothing more', async () => {
    for (let n = 1; n <= 4; n++) await store.create(n === 4 ? newSession(n) : ofUser(n))
    await client.configSet('maxmemory', '1')
    try {
      await expect(store.create(ofUser(5))).rejects.toMatchObject({ code: 'ERR_STORE_FULL', retryable: true })
      const write = store.mutate(ofUser(1).id, [{ kind: 'set', field: 'a', value: 1 }], mutateOptions('a'))
      await expect(write).rejects.toMatchObject({ code: 'ERR_STORE_FULL', retryable: true })
      expect((await store.find(ofUser(1).id)).status).toBe('live')
      expect((await store.end(ofUser(1).id, { reason: 'logout' })).outcome).toBe('ended')
      expect((await store.endUser(USER, { reason: 'revoked' })).ended).toHaveLength(2)
      expect((await store.find(ofUser(2).id)).status).toBe('ended')
      environment.advance(24 * 3_600_000)
      expect((await store.sweep({ limit: 100 })).ended).toHaveLength(1)
      expect(await store.health()).toEqual({ ok: true })
    } finally {
      await client.configSet('maxmemory', '0')
    }
  })

  it('STO-03 needs no more than the rights that the documentation names', async () => {
    const page = readFileSync(join(workspaceRoot, 'docs/stores.md'), 'utf8')
    const rules = /`(~coatcheck:\* [^`]+)`/.exec(page)?.[1]?.split(' ') ?? []
    await client.sendCommand(['ACL', 'SETUSER', 'shop', 'on', '>secret', ...rules])
    const restricted = await createClient({ url: `redis://shop:secret@127.0.0.1:${server.port}` }).connect()
    try {
      const own = redis(restricted, { unsafeAllowSettings: true, confirmations: 0 })
      await own.open({ environment, tombstoneRetention: RETENTION })
      await own.create(newSession(1))
      await own.replace(sessionIdOf(1, null), ofUser(2), replaceOptions('login'))
      await own.touch([{ id: ofUser(2).id, ago: 0 }])
      expect((await own.list(USER, { limit: 10, cursor: null })).sessions).toHaveLength(1)
      expect((await own.endUser(USER, { reason: 'revoked' })).ended).toHaveLength(1)
      await own.create(ofUser(3))
      await own.end(ofUser(3).id, { reason: 'logout' })
      for (const n of [4, 5]) {
        await own.create(ofUser(n))
        await own.endEveryone({ reason: 'breach' })
      }
      await own.sweep({ limit: 100 })
      const created = await own.create(ofUser(6))
      if (created.outcome !== 'ok') throw new Error('The id is taken.')
      expect((await own.scan({ limit: 10, cursor: null })).sessions.length).toBeLessThanOrEqual(1)
      const session = { now: created.now, record: { ...created.record, id: ofUser(7).id } }
      const ifEpoch = await own.epochFor(session.record)
      expect((await own.adopt(session, { ifEpoch })).outcome).toBe('ok')
      const ended = {
        id: ofUser(7).id,
        userId: USER,
        reason: 'logout',
        replacedBy: null,
        replacedByUserId: null,
      }
      for (const [id, outcome] of [
        [ofUser(7).id, 'ended'],
        [ofUser(8).id, 'buried'],
      ] as const) {
        expect(await own.bury({ ...ended, id, endedAt: created.now }, created)).toEqual({ outcome })
      }
      expect((await own.find(ofUser(5).id)).status).toBe('ended')
      await expect(restricted.get('other')).rejects.toThrow(/NOPERM/)
    } finally {
      restricted.destroy()
    }
  })

  it('judges by the clock of the server where nobody has given it another', async () => {
    const real = redis(client, { prefix: 'real:', unsafeAllowSettings: true })
    await real.open({ environment, tombstoneRetention: RETENTION })
    const session = { ...ofUser(1), idleTimeout: 40 }
    const { now } = (await real.create(session)) as { readonly now: number }
    const [seconds] = await client.sendCommand<[string, string]>(['TIME'])
    expect(Math.abs(now - 1_000 * Number(seconds))).toBeLessThan(5_000)
    const serverNow = async () => {
      const [s, us] = await client.sendCommand<[string, string]>(['TIME'])
      return 1_000 * Number(s) + Math.floor(Number(us) / 1_000)
    }
    while ((await serverNow()) < now + 40);
    expect(await real.find(session.id)).toMatchObject({ status: 'ended', tombstone: { reason: 'idle' } })
  })
})

function ofUser(n: number) {
  return newSession(n, { id: sessionIdOf(n, USER), userId: USER })
}

function isOfEveryone(field: string): boolean {
  return ['g', 'd', 'since', 'ends', 'count', 'told'].includes(field)
}

/** Commands that clients have sent, those within scripts left out. */
async function clientCommands(): Promise<number> {
  const stats = await client.info('commandstats')
  const calls = [...stats.matchAll(/cmdstat_(evalsha|eval|info|get|hget|hmget|ping):calls=(\d+)/g)]
  return calls.reduce(
    (sum, [, name, count]) => (name === 'hget' || name === 'hmget' ? sum : sum + Number(count)),
    0,
  )
}

function connect() {
  return createClient({ url: server.url }).connect()
}
