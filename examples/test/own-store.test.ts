import { hash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NewSession, ReplaceOptions, SessionId, SessionStore } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import {
  compareWithModel,
  explore,
  explorerScenarios,
  MODEL_RETENTION,
  runStoreCase,
  type StoreHarness,
  storeContractCases,
} from 'coatcheck/store-testing'
import { createTestSessions, FakeEnvironment, signedIn } from 'coatcheck/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jsonFile } from './own-store/json-file.ts'

const RETENTION = 3_600_000
const LIFETIME = 1_800_000

const REPLACING: ReplaceOptions = {
  operationId: 'a replacement',
  reason: 'replaced',
  requireOld: true,
  carry: 'all',
  operations: [],
  maxBytes: 16_384,
  limit: null,
  ifEpoch: null,
}

let directory: string
let directories = 0

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-own-store-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('a store of one’s own keeps the contract', () => {
  // Held by one object, forgotten with the process, without a feed of changes: what needs these says nothing about it.
  const lacking = ['several-handles', 'durable', 'changes'] as const
  const cases = storeContractCases.filter(({ requires }) => !lacking.some((need) => requires.includes(need)))
  for (const storeCase of cases) {
    it(storeCase.name, async () => {
      const result = await runStoreCase(storeCase, createHarness)
      if (result.status === 'failed') throw result.error
      expect(result.status).toBe('passed')
    })
  }
})

describe('a store of one’s own', () => {
  it.each([1, 2, 3])('answers random commands as the memory store does, seed %i', async (seed) => {
    await compareWithModel({
      seed,
      commands: 200,
      async open() {
        const environment = new FakeEnvironment()
        const context = { environment, tombstoneRetention: MODEL_RETENTION }
        const [model, store] = [memory(), jsonFile(freshPath())]
        await Promise.all([model.open(context), store.open(context)])
        return { model, store, advance: (ms) => environment.advance(ms), close: () => store.close() }
      },
    })
  })

  it.each(explorerScenarios)('stands the orders of the explorer: $name', async (scenario) => {
    const stores = () => {
      const store = jsonFile(freshPath())
      return [store, store]
    }
    await expect(explore(scenario, { stores, orders: 2, seed: 1 })).resolves.toMatchObject({ orders: 2 })
  })

  it('P1 has in its file what it has acknowledged, whenever its process is killed', async () => {
    const path = freshPath()
    const { sessions, environment } = createTestSessions({ store: jsonFile(path) })
    const [ada, ben] = [await signedIn(sessions, 'ada'), await signedIn(sessions, 'ben')]
    await sessions.revokeUser('ben')
    // Nothing is closed: what another store reads now is what a process that was killed has left.
    const after = createTestSessions({ store: jsonFile(path), environment })
    await after.sessions.open()
    const listed = async (userId: string) => (await after.sessions.list(userId)).sessions.map(({ id }) => id)
    expect([await listed('ada'), await listed('ben')]).toEqual([[ada.sessionId], []])
    const found = await after.store.end(ben.sessionId, { reason: 'logout' })
    expect(found).toMatchObject({ outcome: 'already', tombstone: { reason: 'revoked' } })
  })

  it('P1 tells nobody of an end that could not be written, until it is', async () => {
    const path = freshPath()
    const store = await opened(path)
    const id = await createdIn(store)
    const away = takeAway(path)
    const unavailable = { code: 'ERR_STORE_UNAVAILABLE', retryable: false }
    await expect(store.end(id, { reason: 'logout' })).rejects.toMatchObject(unavailable)
    await expect(store.find(id)).rejects.toMatchObject(unavailable)
    expect(await store.health()).toMatchObject({ ok: false, error: unavailable })
    away.bringBack()
    expect(await store.find(id)).toMatchObject({ status: 'ended' })
    expect(await (await opened(path)).find(id)).toMatchObject({ status: 'ended' })
  })

  it('P1 keeps what it found past its deadline ended, though the process is killed and the clock is stepped back', async () => {
    const path = freshPath()
    const environment = new FakeEnvironment()
    const store = await opened(path, environment)
    const id = await createdIn(store)
    environment.advance(LIFETIME)
    expect(await store.find(id)).toMatchObject({ status: 'ended', justEnded: true })
    environment.stepWallClock(-LIFETIME)
    expect(await (await opened(path, environment)).find(id)).toMatchObject({ status: 'ended' })
  })

  it('P5 never has a session beside its successor in the file, whenever that takes its place', async () => {
    for (let turns = 0; turns < 12; turns++) {
      const path = freshPath()
      const store = await opened(path)
      // More than one page of a scan.
      await Promise.all(Array.from({ length: 1_200 }, (_, n) => createdIn(store, idOf(`${n}`))))
      const written = store.touch([])
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      const replaced = store.replace(idOf('0'), newSession(idOf('new')), REPLACING)
      await written
      const { sessions } = JSON.parse(readFileSync(path, 'utf8')) as { sessions: { id: string }[] }
      expect(sessions.filter(({ id }) => id === idOf('0') || id === idOf('new'))).toHaveLength(1)
      await replaced
    }
  })

  it('refuses a file that is no JSON, and leaves it as it is', async () => {
    const path = freshPath()
    writeFileSync(path, '{"sessions": [')
    await expect(opened(path)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    expect(readFileSync(path, 'utf8')).toBe('{"sessions": [')
  })

  it('opens once a file that could not be read can be', async () => {
    const path = freshPath()
    mkdirSync(path)
    const store = jsonFile(path)
    await expect(store.open(context())).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    rmSync(path, { recursive: true })
    await store.open(context())
    expect(await store.health()).toEqual({ ok: true })
  })
})

function createHarness(): StoreHarness {
  const environment = new FakeEnvironment()
  const store = jsonFile(freshPath())
  return {
    async open() {
      await store.open({ environment, tombstoneRetention: RETENTION })
      return store
    },
    advance: (milliseconds) => environment.advance(milliseconds),
    stepBack: (milliseconds) => environment.stepWallClock(-milliseconds),
    tombstoneRetention: RETENTION,
    dispose: () => store.close(),
  }
}

function context() {
  return { environment: new FakeEnvironment(), tombstoneRetention: RETENTION }
}

async function opened(path: string, environment = new FakeEnvironment()): Promise<SessionStore> {
  const store = jsonFile(path)
  await store.open({ environment, tombstoneRetention: RETENTION })
  return store
}

/** A path in a directory of its own, in which there is nothing yet. */
function freshPath(): string {
  const own = join(directory, String(directories++))
  mkdirSync(own)
  return join(own, 'sessions.json')
}

/** Moves the directory of the file elsewhere: root may write where modes forbid it, but not where nothing is. */
function takeAway(path: string): { bringBack(): void } {
  const own = join(path, '..')
  renameSync(own, `${own}.away`)
  return { bringBack: () => renameSync(`${own}.away`, own) }
}

async function createdIn(store: SessionStore, id = idOf('a session')): Promise<SessionId> {
  const result = await store.create(newSession(id))
  if (result.outcome !== 'ok') throw new Error('the id is taken')
  return result.record.id
}

/** An id that follows from `name`, as far from others as ids are. */
function idOf(name: string): SessionId {
  return hash('md5', name, 'base64url') as SessionId
}

function newSession(id: SessionId): NewSession {
  return {
    id,
    secretHash: 'a hash',
    userId: null,
    lifetime: 'anonymous',
    idleTimeout: LIFETIME,
    absoluteTimeout: LIFETIME,
    authenticated: false,
    authentication: { methods: [], level: null },
    transport: 'cookie',
    device: { userAgent: null, address: null, label: null },
    data: {},
    schemaVersion: 1,
  }
}
