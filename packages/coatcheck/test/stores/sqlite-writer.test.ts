import { once } from 'node:events'
import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KeyRing } from '../../src/core/key-ring.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { hashSecret, issueToken, newSecret } from '../../src/core/token.ts'
import {
  mutateOptions,
  newSession,
  nextRotation,
  replaceOptions,
  sessionId,
} from '../../src/store-testing/fixtures.ts'
import { EpochTables } from '../../src/stores/sqlite/epoch-tables.ts'
import { Scanning } from '../../src/stores/sqlite/scanning.ts'
import { migrate } from '../../src/stores/sqlite/schema.ts'
import { SessionTables } from '../../src/stores/sqlite/session-tables.ts'
import { UserEnds } from '../../src/stores/sqlite/user-ends.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { useSqliteFile } from './sqlite-fixture.ts'
import { readOutside } from './sqlite-harness.ts'

const file = useSqliteFile()

describe('writes of the sqlite store', () => {
  it('leave the event loop its turns while 5,000 of them are under way', async () => {
    const store = await file.open()
    const turns = new Turns()
    const acknowledged = await Promise.all(
      Array.from({ length: 5_000 }, async (_, i) => {
        await store.create(newSession(i))
        return turns.count
      }),
    )
    turns.stop()
    // Some 20 groups, and the loop goes round while each is written: hundreds of turns, fewer on a busy machine. Writing
    // in the calling thread takes one.
    expect(new Set(acknowledged).size).toBeGreaterThan(2)
    expect(Math.max(...acknowledged)).toBeGreaterThan(20)
  })

  it('share a transaction where they wait for the same fsync', async () => {
    const store = await file.open()
    const before = countCommits()
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.create(newSession(i))))
    expect(countCommits() - before).toBeLessThan(10)
    await store.create(newSession(200))
    await store.create(newSession(201))
    expect(countCommits() - before).toBeGreaterThanOrEqual(3)
  })

  it('do not let the log grow for ever', async () => {
    const store = await file.open()
    for (let i = 0; i < 1_000; i++) await store.create(newSession(i))
    expect(statSync(`${file.path}-wal`).size).toBeLessThan(8_000_000)
  })

  it('are all done when close resolves', async () => {
    const store = await file.open()
    const writes = Promise.all(Array.from({ length: 600 }, (_, i) => store.create(newSession(i))))
    await store.close()
    expect((await writes).every(({ outcome }) => outcome === 'ok')).toBe(true)
    const again = await file.open()
    expect((await again.find(sessionId(599))).status).toBe('live')
  })

  it('take the value as it was at the call', async () => {
    const store = await file.open()
    await store.create(newSession(1))
    const value = { colour: 'red' }
    const written = store.mutate(sessionId(1), [{ kind: 'set', field: 'a', value }], mutateOptions('write'))
    value.colour = 'blue'
    expect(await written).toMatchObject({ record: { data: { a: { colour: 'red' } } } })
  })

  it('that add what is no finite number are refused, not taken for nothing', async () => {
    const store = await file.open()
    await store.create(newSession(1, { data: { n: 1 } }))
    for (const amount of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const result = await store.mutate(
        sessionId(1),
        [{ kind: 'add', field: 'n', amount }],
        mutateOptions(`add ${amount}`),
      )
      expect(result).toEqual({ outcome: 'rejected', field: 'n', cause: 'type' })
    }
  })

  it('keep users apart whose ids differ in characters that UTF-8 does not have', async () => {
    const store = await file.open()
    const users = ['\ud800', '\udfff', '\ufffd', '\0', '\0"\ud800"', 'a\0b']
    for (const [i, userId] of users.entries()) await store.create(newSession(i, { userId }))
    for (const [i, userId] of users.entries()) {
      const { sessions } = await store.list(userId, { limit: 10, cursor: null })
      expect(sessions.map((record) => [record.id, record.userId])).toEqual([[sessionId(i), userId]])
    }
    expect(await store.endUser('\ud800', { reason: '\udc00' })).toMatchObject({ ended: { length: 1 } })
    expect(await store.find(sessionId(0))).toMatchObject({
      status: 'ended',
      tombstone: { userId: '\ud800', reason: '\udc00' },
    })
    expect((await store.find(sessionId(1))).status).toBe('live')
  })
})

describe('when its writing thread stops, the sqlite store', () => {
  it('fails the writes in flight as maybe applied, and goes on with another thread', async () => {
    const started = once(process, 'worker') as Promise<[Worker]>
    const store = await file.open()
    await store.create(newSession(0, { data: { n: 0 } }))
    const [thread] = await started
    const add = (i: number) =>
      store.mutate(sessionId(0), [{ kind: 'add', field: 'n', amount: 1 }], mutateOptions(`add ${i}`))
    const inFlight = Promise.allSettled([1, 2, 3].map(add))
    await thread.terminate()
    for (const outcome of await inFlight) {
      if (outcome.status === 'fulfilled') continue
      expect(outcome.reason).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', retryable: false })
    }
    // Repeated by operationId they count once, whether the first attempt got through or not.
    await Promise.all([1, 2, 3].map(add))
    expect(await store.find(sessionId(0))).toMatchObject({ record: { data: { n: 3 } } })
    expect(await store.health()).toEqual({ ok: true })
  })

  it('says why a new thread cannot open the file, and recovers once it can', async () => {
    const started = once(process, 'worker') as Promise<[Worker]>
    const store = await file.open({ lockTimeout: 20 })
    const [thread] = await started
    await thread.terminate()
    const other = new DatabaseSync(file.path)
    other.exec('BEGIN IMMEDIATE')
    expect(await store.health()).toMatchObject({ ok: false, error: { code: 'ERR_STORE_LOCKED' } })
    other.close()
    expect(await store.create(newSession(1))).toMatchObject({ outcome: 'ok' })
  })
})

describe('when all sessions of a user end, the sqlite store', () => {
  it('answers for each as ended before and after its row is gone', async () => {
    const store = await file.open()
    await createOf(store, 'ann', 0, 400)
    await createOf(store, 'bob', 1_000, 1)
    const except = [sessionId(7), sessionId(8)]
    const { ended } = await store.endUser('ann', { reason: 'password-change', except })
    expect(ended).toHaveLength(398)
    const expectAll = async () => {
      for (let i = 0; i < 400; i++) {
        const found = await store.find(sessionId(i))
        if (i === 7 || i === 8) expect(found.status).toBe('live')
        else expect(found).toMatchObject({ status: 'ended', justEnded: false, tombstone: TOMBSTONE })
      }
    }
    await expectAll()
    expect(await store.create(newSession(0))).toEqual({ outcome: 'exists' })
    expect(await store.end(sessionId(1), { reason: 'logout' })).toMatchObject({ outcome: 'already' })
    expect(await idsOf(store, 'ann')).toEqual(except.sort().reverse())
    await cleared(store)
    expect(countRows('sessions')).toBe(3)
    await expectAll()
    expect(await store.sweep({ limit: 10 })).toEqual({ ended: [], tombstonesRemoved: 0, more: false })
  })

  it('gives kept sessions and new ones the new epoch, so that the next end reaches them', async () => {
    const store = await file.open()
    await createOf(store, 'ann', 0, 300)
    const first = await store.endUser('ann', { reason: 'first', except: [sessionId(0)] })
    await createOf(store, 'ann', 500, 1)
    const { user } = await store.epochs('ann')
    for (const n of [0, 500])
      expect(await store.find(sessionId(n))).toMatchObject({ record: { epoch: user } })
    const second = await store.endUser('ann', { reason: 'second' })
    expect(first.ended).toHaveLength(299)
    expect(second.ended.map(({ id }) => id).sort()).toEqual([sessionId(0), sessionId(500)].sort())
    expect(await store.find(sessionId(299))).toMatchObject({ tombstone: { reason: 'first' } })
    expect(await store.find(sessionId(500))).toMatchObject({ tombstone: { reason: 'second' } })
    await cleared(store)
    expect(await store.find(sessionId(299))).toMatchObject({ tombstone: { reason: 'first' } })
    expect(countRows('sessions')).toBe(0)
  })

  it('counts none of them for a limit, reports none in a sweep, and removes what a stopped process has left', async () => {
    const store = await file.open()
    await createOf(store, 'ann', 0, 1_000)
    const ending = store.endUser('ann', { reason: 'password-change' })
    // Closes the store before the rows are gone.
    await Promise.all([ending, store.close()])
    expect(countRows('sessions')).toBeGreaterThan(0)
    const again = await file.open()
    const limit = { count: 1, onLimit: 'refuse' } as const
    const login = await again.replace(
      null,
      newSession(5_000, { userId: 'ann' }),
      replaceOptions('login', { limit }),
    )
    expect(login).toMatchObject({ outcome: 'ok', evicted: [] })
    file.environment.advance(newSession(0).absoluteTimeout)
    expect((await again.sweep({ limit: 1_000 })).ended.map(({ id }) => id)).toEqual([sessionId(5_000)])
    await cleared(again)
    expect(countRows('sessions')).toBe(0)
  })

  it('judges by the earliest end where everyone is ended besides', async () => {
    const store = await file.open()
    await createOf(store, 'ann', 0, 300)
    await store.endUser('ann', { reason: 'password-change' })
    file.environment.advance(1_000)
    await store.endEveryone({ reason: 'breach' })
    expect(await store.find(sessionId(299))).toMatchObject({ tombstone: TOMBSTONE, justEnded: false })
  })
})

describe('P6 STO-01 the files of the sqlite store', () => {
  it('hold hashes of secrets and never a secret, before and after a rotation', async () => {
    const ring = new KeyRing([{ slot: 3, state: 'current', master: file.environment.randomBytes(32) }], {
      name: 'app',
    })
    const [first, second] = [newSecret(file.environment), newSecret(file.environment)]
    const scope = { name: 'app', slot: 3 }
    const hashes = [first, second].map((secret) => hashSecret('session', sessionId(1), secret, scope))
    const [firstHash = '', secondHash = ''] = hashes
    const store = await file.open()
    const created = await store.create(newSession(1, { userId: 'ann', secretHash: firstHash }))
    if (created.outcome !== 'ok') throw new Error(created.outcome)
    const { ifRevision, next } = nextRotation(created.record.rotation, 1)
    await store.rotate(sessionId(1), { ifRevision, next: { ...next, secretHash: secondHash } })
    const dump = Buffer.concat(readOutside(file.directory))
    for (const hash of hashes) expect(dump.includes(hash)).toBe(true)
    for (const [generation, secret] of [first, second].entries()) {
      const bytes = Buffer.from(secret)
      const token = issueToken(ring, 3, sessionId(1), secret, generation)
      const spellings = [bytes, bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')]
      for (const spelling of [...spellings, token]) expect(dump.includes(spelling)).toBe(false)
    }
  })
})

describe('the statements of the sqlite store', () => {
  let database: DatabaseSync

  beforeEach(() => {
    database = new DatabaseSync(':memory:')
    migrate(database, ':memory:')
  })

  afterEach(() => database.close())

  it('STO-07 never walk through sessions or tombstones, however many there are', () => {
    for (const sql of preparedStatements(database)) {
      const parameters = Array.from(sql.matchAll(/\?/g), () => 1)
      const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters)
      for (const { detail } of steps) {
        expect(detail, sql).not.toMatch(/SCAN (s|u|sessions|tombstones|users)\b|TEMP B-TREE/)
      }
    }
  })

  it('answer with columns of different names, as Node 22 needs them', () => {
    for (const sql of preparedStatements(database)) {
      const names = database
        .prepare(sql)
        .columns()
        .map(({ name }) => name)
      expect(new Set(names).size, sql).toBe(names.length)
    }
  })
})

const TOMBSTONE = {
  reason: 'password-change',
  userId: 'ann',
  endedAt: new FakeEnvironment().now(),
  replacedBy: null,
  replacedByUserId: null,
}

/** The SQL of all that the store prepares. */
function preparedStatements(database: DatabaseSync): readonly string[] {
  const statements: string[] = []
  const prepare = database.prepare.bind(database)
  database.prepare = (sql, options) => {
    statements.push(sql)
    return prepare(sql, options)
  }
  new UserEnds(database, new SessionTables(database))
  new EpochTables(database)
  new Scanning(database)
  database.prepare = prepare
  expect(statements.length).toBeGreaterThan(15)
  return statements
}

/** Counts the turns of the event loop. */
class Turns {
  count = 0
  #stopped = false

  constructor() {
    this.#next()
  }

  stop(): void {
    this.#stopped = true
  }

  #next(): void {
    setImmediate(() => {
      this.count++
      if (!this.#stopped) this.#next()
    })
  }
}

async function createOf(store: SessionStore, userId: string, first: number, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => store.create(newSession(first + i, { userId }))))
}

async function idsOf(store: SessionStore, userId: string): Promise<string[]> {
  const { sessions } = await store.list(userId, { limit: 100, cursor: null })
  return sessions.map(({ id }) => id)
}

/** Waits until what the end of a user has left is gone; each write makes room for a slice of that work. */
async function cleared(store: SessionStore): Promise<void> {
  for (let write = 0; countRows('user_ends') > 0; write++) {
    expect(write).toBeLessThan(1_000)
    await store.health()
  }
}

/** Transactions in the write-ahead log: frames that carry the size of the database (https://sqlite.org/fileformat2.html, section 4). */
function countCommits(): number {
  const [log = new Uint8Array()] = readOutside(file.directory, 'sessions.db-wal')
  const bytes = Buffer.from(log)
  let commits = 0
  for (let frame = 32; frame < bytes.length; frame += 24 + 4_096) {
    if (bytes.readUInt32BE(frame + 4) > 0) commits++
  }
  return commits
}

function countRows(table: 'sessions' | 'user_ends'): number {
  const database = new DatabaseSync(file.path, { readOnly: true })
  const row = database.prepare(`SELECT count(*) AS count FROM ${table}`).get()
  database.close()
  return Number(row?.count)
}
