import { createWriteStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemEnvironment } from '../../src/core/platform.ts'
import type { SessionRecord } from '../../src/core/record.ts'
import type { NewSession, SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, sessionIdOf } from '../../src/store-testing/fixtures.ts'
import { memory } from '../../src/stores/memory.ts'
import { type ExportedSession, exportSessions, importSessions } from '../../src/stores/moving.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import {
  assertNoTokens,
  createTestSessions,
  FakeEnvironment,
  FaultyStore,
  signedIn,
} from '../../src/testing/index.ts'
import { type TemporaryDirectory, temporaryDirectory } from './sqlite-harness.ts'

const HOUR = 3_600_000
let directory: TemporaryDirectory

beforeEach(() => {
  directory = temporaryDirectory()
})

afterEach(() => directory.dispose())

describe('an export', () => {
  it('has every live session and every tombstone, and closes the store', async () => {
    const [live, ended] = [sessionIdOf(1, 'ada'), sessionIdOf(2, 'ada')]
    const record = await inFile('a', async (store) => {
      await created(store, 2, 'ada')
      await store.end(ended, { reason: 'logout' })
      return created(store, 1, 'ada', { data: { cart: ['hat'] } })
    })
    const store = file('a')
    const entries = await all(exportSessions(store))
    expect(entries.map((entry) => ('session' in entry ? entry.session : entry.tombstone))).toEqual([
      record,
      expect.objectContaining({ id: ended, reason: 'logout' }),
    ])
    expect(record.id).toBe(live)
    expect(entries).toEqual(JSON.parse(JSON.stringify(entries)))
    expect(await store.health()).toMatchObject({ ok: false })
  })

  it('closes the store where the reader stops early', async () => {
    await inFile('a', async (store) => {
      for (const n of [1, 2, 3]) await created(store, n, null)
    })
    const store = file('a')
    for await (const entry of exportSessions(store)) {
      expect(entry.version).toBe(1)
      break
    }
    expect(await store.health()).toMatchObject({ ok: false })
  })

  it('P10 passes on what the store throws, and closes it', async () => {
    const store = new FaultyStore(memory())
    store.fail('scan')
    await expect(all(exportSessions(store))).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(await store.health()).toMatchObject({ ok: false })
  })

  it('P6 holds no token', async () => {
    const environment = new FakeEnvironment({ now: systemEnvironment.now() })
    const { sessions } = createTestSessions({ store: file('a'), environment })
    const agent = await signedIn(sessions, 'ada')
    await sessions.close()
    const entries = await all(exportSessions(file('a')))
    expect(entries).toHaveLength(1)
    assertNoTokens(entries, agent.tokens)
  })
})

describe('an import', () => {
  it('P3 gives another store what the export has, through a file of lines', async () => {
    const before = await inFile('a', async (store) => {
      const { id } = await created(store, 1, 'ada', { data: { cart: ['hat'], '': null } })
      await created(store, 2, null)
      await created(store, 3, 'bob')
      await store.end(sessionIdOf(3, 'bob'), { reason: 'logout' })
      const written = await store.mutate(id, [{ kind: 'set', field: 'n', value: 1 }], mutateOptions('a'))
      if (written.outcome !== 'ok') throw new Error('nothing was written')
      return written.record
    })
    const path = join(directory.path, 'sessions.jsonl')
    const lines = Readable.from(exportSessions(file('a'))).map((entry) => `${JSON.stringify(entry)}\n`)
    await pipeline(lines, createWriteStream(path))
    const counts = await importSessions(file('b'), (await open(path)).readLines())
    expect(counts).toEqual({ sessions: 2, tombstones: 1, skipped: { existing: 0, ended: 0, over: 0 } })
    await inFile('b', async (store) => {
      const found = await store.find(sessionIdOf(1, 'ada'))
      if (found.status !== 'live') throw new Error('the session is gone')
      expect(comparable(found.record)).toEqual(comparable(before))
      expect(JSON.stringify(found.record.data)).toBe('{"cart":["hat"],"":null,"n":1}')
      expect(await store.find(sessionIdOf(3, 'bob'))).toMatchObject({
        status: 'ended',
        tombstone: { reason: 'logout' },
      })
    })
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(4)
  })

  it('P1 may be repeated: what has ended since ends here, what lives here stays as it is', async () => {
    await inFile('a', async (store) => {
      for (const n of [1, 2]) await created(store, n, 'ada')
    })
    await importSessions(file('b'), exportSessions(file('a')))
    await inFile('b', (store) =>
      store.mutate(sessionIdOf(1, 'ada'), [{ kind: 'set', field: 'n', value: 1 }], mutateOptions('b')),
    )
    await inFile('a', async (store) => {
      await store.end(sessionIdOf(2, 'ada'), { reason: 'logout' })
      await created(store, 3, 'ada')
    })
    const counts = await importSessions(file('b'), exportSessions(file('a')))
    expect(counts).toEqual({ sessions: 1, tombstones: 1, skipped: { existing: 1, ended: 0, over: 0 } })
    await inFile('b', async (store) => {
      const found = [1, 2, 3].map((n) => store.find(sessionIdOf(n, 'ada')))
      expect(await Promise.all(found)).toMatchObject([
        { status: 'live', record: { data: { n: 1 } } },
        { status: 'ended', tombstone: { reason: 'logout' } },
        { status: 'live' },
      ])
    })
    const again = await importSessions(file('b'), exportSessions(file('a')))
    expect(again).toEqual({ sessions: 0, tombstones: 0, skipped: { existing: 2, ended: 1, over: 0 } })
  })

  it('P1 brings nothing back that has ended here', async () => {
    await inFile('a', (store) => created(store, 1, 'ada'))
    const entries = await all(exportSessions(file('a')))
    await importSessions(file('b'), entries)
    await inFile('b', (store) => store.end(sessionIdOf(1, 'ada'), { reason: 'logout' }))
    const counts = await importSessions(file('b'), entries)
    expect(counts).toMatchObject({ sessions: 0, skipped: { ended: 1 } })
  })

  it('P8 takes the time on the way off all deadlines', async () => {
    await inFile('a', (store) => created(store, 1, 'ada'))
    const entries = await all(exportSessions(file('a')))
    const old = entries.map((entry) => aged(entry, 13 * HOUR))
    expect(await importSessions(file('b'), old)).toMatchObject({ sessions: 0, skipped: { over: 1 } })
    const recent = entries.map((entry) => aged(entry, 10 * 60_000))
    expect(await importSessions(file('b'), recent)).toMatchObject({ sessions: 1 })
    const [entry] = await all(exportSessions(file('b')))
    if (!entry || !('session' in entry)) throw new Error('nothing was imported')
    expect(entry.session.expiresAt - entry.now).toBeLessThanOrEqual(11 * HOUR + 50 * 60_000)
  })

  it('refuses an entry that is none by its number and without its content, and keeps those before it', async () => {
    await inFile('a', async (store) => {
      for (const n of [1, 2]) await created(store, n, 'ada', { data: { secretPlan: 'swordfish' } })
    })
    const [first, second] = await all(exportSessions(file('a')))
    if (!first || !second || !('session' in second)) throw new Error('nothing was exported')
    const source = [first, { ...second, session: { ...second.session, userId: 7 } }]
    await expect(importSessions(file('b'), source as unknown as ExportedSession[])).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: 'Entry 2 of the import is no exported session: entry.session.userId is no text.',
    })
    await inFile('b', async (store) => {
      const { sessions } = await store.scan({ limit: 10, cursor: null })
      expect(sessions).toHaveLength(1)
    })
  })

  it.each([
    ['no JSON', 'swordfish'],
    ['an array', '["swordfish"]'],
    ['another version', { version: 2 }],
    ['a key too many', { swordfish: 1 }],
    ['no session', { session: undefined }],
    ['no clock', { now: 'swordfish' }],
    ['an id that is none', { session: { id: 'swordfish' } }],
    ['data that is no object', { session: { data: ['swordfish'] } }],
    ['another transport', { session: { transport: 'swordfish' } }],
    ['half of a rotation', { session: { rotation: { secretHash: undefined, rotatedAt: 'swordfish' } } }],
    ['a tombstone besides', { tombstone: {} }],
  ])('refuses %s', async (_what, change) => {
    await inFile('a', (store) => created(store, 1, 'ada', { data: { plan: 'swordfish' } }))
    const [entry] = (await all(exportSessions(file('a')))) as [ExportedSession]
    const item = typeof change === 'string' ? change : merged(entry, change)
    const refusal = importSessions(memory(), [item as string]).catch((error: Error) => error)
    expect(await refusal).toMatchObject({ code: 'ERR_USAGE' })
    expect(String(await refusal)).toMatch(/^UsageError: Entry 1 of the import is no exported session: /)
    expect(String(await refusal)).not.toContain('swordfish')
    expect(await importSessions(memory(), [entry])).toMatchObject({ sessions: 1 })
  })

  it('P10 passes on what the store and the source throw, once what had begun is done, and closes the store', async () => {
    await inFile('a', async (store) => {
      for (let n = 0; n < 40; n++) await created(store, n, null)
    })
    const store = new FaultyStore(memory())
    store.fail('adopt', undefined, { times: 1 })
    const entries = await all(exportSessions(file('a')))
    await expect(importSessions(store, entries)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(await store.health()).toMatchObject({ ok: false })
    const broken = file('b')
    async function* source() {
      yield* entries
      throw new Error('the file ends here')
    }
    await expect(importSessions(broken, source())).rejects.toThrow('the file ends here')
    expect(await broken.health()).toMatchObject({ ok: false })
    expect(await all(exportSessions(file('b')))).toHaveLength(40)
  })

  it.each([{ tombstoneRetention: 0 }, { tombstoneRetention: '1 hour' }, { retention: 1 }])(
    'refuses the options %j',
    async (options) => {
      const refusal = importSessions(memory(), [], options as { tombstoneRetention: number })
      await expect(refusal).rejects.toMatchObject({ code: 'ERR_OPTION' })
    },
  )
})

function file(name: string): SessionStore {
  return sqlite(join(directory.path, `${name}.db`))
}

async function inFile<T>(name: string, work: (store: SessionStore) => Promise<T>): Promise<T> {
  const store = file(name)
  await store.open({ environment: systemEnvironment, tombstoneRetention: HOUR })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

async function created(
  store: SessionStore,
  n: number,
  userId: string | null,
  over: Partial<NewSession> = {},
) {
  const result = await store.create(newSession(n, { id: sessionIdOf(n, userId), userId, ...over }))
  if (result.outcome !== 'ok') throw new Error('the id is taken')
  return result.record
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

/** The entry as if it had been on its way for so long. */
function aged(entry: ExportedSession, milliseconds: number): ExportedSession {
  return { ...entry, exportedAt: entry.exportedAt - milliseconds }
}

/** A record without what another store has to give it anew: its epoch, and its instants, which tell the time since its beginning here. */
function comparable({ epoch: _, ...record }: SessionRecord): unknown {
  const { createdAt, lastSeenAt, expiresAt, rotation, authenticatedAt } = record
  return {
    ...record,
    createdAt: 0,
    lastSeenAt: lastSeenAt - createdAt,
    expiresAt: expiresAt - createdAt,
    authenticatedAt: authenticatedAt === null ? null : authenticatedAt - createdAt,
    rotation: { ...rotation, rotatedAt: rotation.rotatedAt - createdAt },
  }
}

function merged(value: object, change: object): object {
  const entries = Object.entries(change).map(([key, part]) => {
    const before = (value as Record<string, unknown>)[key]
    const isDeeper = isObject(before) && isObject(part)
    return [key, isDeeper ? merged(before, part) : part]
  })
  return { ...value, ...Object.fromEntries(entries) }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
