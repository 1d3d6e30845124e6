import { runStoreCase } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import type { NewSession, SessionStore } from '../../src/core/store.ts'
import {
  IDLE,
  mutateOptions,
  newSession,
  replaceOptions,
  sessionElsewhere,
  sessionId,
  THERE,
  tombstoneElsewhere,
} from '../../src/store-testing/fixtures.ts'
import { SliceCursor } from '../../src/stores/memory/slice-cursor.ts'
import { type MemoryOptions, memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { memoryHarness } from './memory-harness.ts'
import { processCases } from './process-cases.ts'

describe('the memory store keeps the contract', () => {
  for (const storeCase of processCases) {
    it(storeCase.name, async () => {
      const result = await runStoreCase(storeCase, memoryHarness)
      expect(result.status).not.toBe('skipped')
      if (result.status === 'failed') throw result.error
    })
  }
})

describe('the memory store', () => {
  it('answers find at once', async () => {
    const { store } = await opened()
    const { id } = await create(store, 1)
    expect(store.find(id)).toMatchObject({ status: 'live' })
    expect(store.find(sessionId(2))).toEqual({ status: 'unknown' })
  })

  it('answers with frozen records', async () => {
    const { store } = await opened()
    const record = await create(store, 1, { data: { cart: [{ n: 1 }] } })
    expect(Object.isFrozen(record) && Object.isFrozen(record.data.cart)).toBe(true)
    expect(() => Object.assign(record.data.cart as object, { 0: 'stolen' })).toThrow(TypeError)
  })

  it('comes to the end of a sweep also where sessions have come since it began', async () => {
    const { store } = await opened()
    for (let n = 0; n < 20; n++) await create(store, n)
    for (let n = 0; n < 15; n++) await store.end(sessionId(n), { reason: 'logout' })
    expect(await store.sweep({ limit: 1 })).toMatchObject({ more: true })
    for (let n = 20; n < 30; n++) await create(store, n)
    let slices = 0
    while (slices < 10 && (await store.sweep({ limit: 1 })).more) slices++
    expect(slices).toBeLessThan(10)
  })

  it('scans a part of itself for each page, whatever is asked for, and ends nobody by that', async () => {
    const { store, environment } = await opened()
    for (let n = 0; n < 2_500; n++) await create(store, n, n % 2 ? { idleTimeout: 1_000 } : {})
    environment.advance(1_000)
    const ids = new Set<string>()
    let pages = 0
    for (let cursor: string | null = null; ; pages++) {
      const page = await store.scan({ limit: 1_000_000, cursor })
      for (const { id } of page.sessions) ids.add(id)
      expect(page.tombstones).toEqual([])
      cursor = page.cursor
      if (cursor === null) break
      expect(page.sessions.length).toBeLessThan(1_000)
    }
    expect([ids.size, pages]).toEqual([1_250, 2])
    expect(store.find(sessionId(1))).toMatchObject({ status: 'ended', justEnded: true })
  })

  it('follows replacements that were taken over in a circle once around', async () => {
    const { store } = await opened()
    for (const n of [1, 2]) {
      const by = { replacedBy: sessionId(3 - n), replacedByUserId: 'ada' }
      await store.bury(tombstoneElsewhere(sessionId(n), { userId: 'ada', ...by }), { now: THERE })
    }
    expect(await store.end(sessionId(1), { reason: 'logout', follow: true })).toMatchObject({
      outcome: 'already',
    })
  })

  it('forgets for a scan what it has forgotten', async () => {
    const { store, environment } = await opened({ maxSessions: 2 })
    for (const n of [1, 2, 3]) {
      await create(store, n)
      await store.end(sessionId(n), { reason: 'logout' })
    }
    const scanned = async () =>
      (await store.scan({ limit: 10_000, cursor: null })).tombstones.map(({ id }) => id).sort()
    expect(await scanned()).toEqual([sessionId(2), sessionId(3)].sort())
    environment.advance(10 * 365 * 86_400_000)
    await store.sweep({ limit: 10 })
    expect(await scanned()).toEqual([])
  })

  it('refuses a session beyond maxSessions and drops none', async () => {
    const { store } = await opened({ maxSessions: 3 })
    for (const n of [1, 2, 3]) await create(store, n)
    const full = { code: 'ERR_STORE_FULL', retryable: true }
    await expect(store.create(newSession(4))).rejects.toMatchObject(full)
    await expect(store.replace(null, newSession(4), replaceOptions('a'))).rejects.toMatchObject(full)
    await expect(store.adopt(sessionElsewhere(4), { ifEpoch: null })).rejects.toMatchObject(full)
    for (const n of [1, 2, 3]) expect(store.find(sessionId(n))).toMatchObject({ status: 'live' })
    expect(store.find(sessionId(4))).toEqual({ status: 'unknown' })
  })

  it('replaces, evicts and creates again at maxSessions once there is room', async () => {
    const { store } = await opened({ maxSessions: 2 })
    await create(store, 1, { userId: 'user-1' })
    await create(store, 2)
    const replaced = await store.replace(sessionId(2), newSession(3), replaceOptions('a'))
    expect(replaced.outcome).toBe('ok')
    const limit = { count: 1, onLimit: 'evict-oldest' } as const
    const login = await store.replace(
      null,
      newSession(4, { userId: 'user-1' }),
      replaceOptions('b', { limit }),
    )
    expect(login.outcome).toBe('ok')
    await store.end(sessionId(3), { reason: 'logout' })
    expect((await store.create(newSession(5))).outcome).toBe('ok')
  })

  it('makes room by what has expired', async () => {
    const { store, environment } = await opened({ maxSessions: 2 })
    await create(store, 1)
    await create(store, 2)
    environment.advance(IDLE)
    expect((await store.create(newSession(3))).outcome).toBe('ok')
    await store.endEveryone({ reason: 'breach' })
    expect((await store.create(newSession(4))).outcome).toBe('ok')
  })

  it('P1 keeps as many tombstones as sessions, and an older one’s session stays dead', async () => {
    const { store } = await opened({ maxSessions: 2 })
    for (const n of [1, 2, 3]) {
      await create(store, n)
      await store.end(sessionId(n), { reason: 'logout' })
    }
    const found = [1, 2, 3].map((n) => store.find(sessionId(n)))
    expect(found).toMatchObject([{ status: 'unknown' }, { status: 'ended' }, { status: 'ended' }])
    const write = await store.mutate(sessionId(1), [], mutateOptions('a'))
    expect(write).toEqual({ outcome: 'gone', tombstone: null })
  })

  it('says that an expired session ended at its deadline, whenever that was noticed', async () => {
    const { store, environment } = await opened()
    const { createdAt } = await create(store, 1)
    environment.advance(3 * IDLE)
    expect(store.find(sessionId(1))).toMatchObject({
      tombstone: { endedAt: createdAt + IDLE, reason: 'idle' },
    })
  })

  it('EXP-10 dates the end of everyone by the clock of that moment', async () => {
    const { store, environment } = await opened()
    const { createdAt } = await create(store, 1)
    environment.advance(1_000)
    await store.endEveryone({ reason: 'breach' })
    environment.advance(3 * IDLE)
    const tombstone = { endedAt: createdAt + 1_000, reason: 'breach' }
    expect(store.find(sessionId(1))).toMatchObject({ tombstone })
  })

  it('looks at a bounded number of sessions per slice of a sweep', async () => {
    const { store, environment } = await opened()
    for (let n = 0; n < 1_000; n++) await create(store, n, n === 999 ? { idleTimeout: 1_000 } : {})
    environment.advance(1_000)
    let slices = 1
    for (let result = await store.sweep({ limit: 10 }); result.more && slices < 100; slices++) {
      result = await store.sweep({ limit: 10 })
    }
    expect(slices).toBe(11)
    expect(store.find(sessionId(999))).toMatchObject({ status: 'ended', justEnded: false })
  })

  it('gives every live session of a user the user’s epoch', async () => {
    const { store } = await opened()
    await create(store, 1, { userId: 'user-1' })
    await create(store, 2, { userId: 'user-1' })
    await store.endUser('user-1', { reason: 'revoked', except: [sessionId(2)] })
    await create(store, 3, { userId: 'user-1' })
    const { user } = await store.epochs('user-1')
    const { sessions } = await store.list('user-1', { limit: 10, cursor: null })
    expect(sessions.map(({ epoch }) => epoch)).toEqual([user, user])
  })

  it('forgets users without sessions beyond maxSessions, and refuses their logins under way', async () => {
    const { store } = await opened({ maxSessions: 2 })
    const { user: ifEpoch } = await store.epochs('user-1')
    await store.epochs('user-2')
    expect(await store.epochs('user-1')).toEqual({ user: ifEpoch })
    await store.epochs('user-3')
    const login = store.replace(null, newSession(1, { userId: 'user-1' }), replaceOptions('a', { ifEpoch }))
    expect(await login).toEqual({ outcome: 'stale' })
  })

  it('forgets a user whose sessions have ended, as one who had none', async () => {
    const { store } = await opened({ maxSessions: 2 })
    await create(store, 1, { userId: 'user-1' })
    const { user } = await store.epochs('user-1')
    for (const userId of ['user-2', 'user-3', 'user-4']) await store.epochs(userId)
    expect(await store.epochs('user-1')).toEqual({ user })
    await store.end(sessionId(1), { reason: 'logout' })
    for (const userId of ['user-2', 'user-3', 'user-4']) await store.epochs(userId)
    expect(await store.epochs('user-1')).not.toEqual({ user })
  })

  it('removes a tombstone at the instant at which its retention is over', async () => {
    const { store, environment } = await opened()
    await create(store, 1)
    await store.end(sessionId(1), { reason: 'logout' })
    environment.advance(3_600_000 - 1)
    expect(await store.sweep({ limit: 1 })).toMatchObject({ tombstonesRemoved: 0 })
    environment.advance(1)
    expect(await store.sweep({ limit: 1 })).toMatchObject({ tombstonesRemoved: 1 })
  })

  it('ignores a time of use that is no time or lies ahead', async () => {
    const { store, environment } = await opened()
    const { createdAt } = await create(store, 1)
    environment.advance(1_000)
    const lastSeenAt = async (ago: number) => {
      await store.touch([{ id: sessionId(1), ago }])
      const found = await store.find(sessionId(1))
      return found.status === 'live' && found.record.lastSeenAt
    }
    expect(await lastSeenAt(Number.NaN)).toBe(createdAt)
    expect(await lastSeenAt(0.25)).toBe(createdAt + 999)
    expect(await lastSeenAt(-5_000)).toBe(createdAt + 1_000)
  })

  it('refuses a cursor that is not its own', async () => {
    const { store } = await opened()
    for (const cursor of ['', 'x', '1:', ':x', '{}']) {
      await expect(store.list('user-1', { limit: 1, cursor })).rejects.toMatchObject({ code: 'ERR_USAGE' })
    }
  })

  it('has one key for all who share it, also before it is opened', async () => {
    const store = memory()
    const [first, second] = [await store.defaultKeys?.().load(), await store.defaultKeys?.().load()]
    expect(first).toEqual(second)
    expect(first).toMatchObject([{ slot: 0, state: 'current' }])
    expect(first).not.toEqual(await memory().defaultKeys?.().load())
  })

  it('may be opened again by another who shares it, and not after close', async () => {
    const { store, environment } = await opened()
    await create(store, 1)
    await store.open({ environment, tombstoneRetention: 1 })
    expect(store.find(sessionId(1))).toMatchObject({ status: 'live' })
    await store.close()
    await expect(store.open({ environment, tombstoneRetention: 1 })).rejects.toMatchObject({
      code: 'ERR_STORE_CLOSED',
    })
  })

  it('fails with ERR_STORE_CLOSED before it is opened', async () => {
    expect(() => memory().find(sessionId(1))).toThrow(expect.objectContaining({ code: 'ERR_STORE_CLOSED' }))
    expect(await memory().health()).toMatchObject({ ok: false })
  })

  it.each([
    ['maxSessions', 0],
    ['maxSessions', 1.5],
    ['maxSessions', Number.NaN],
    ['maxSesions', 5],
  ])('refuses the option %s: %j', (name, value) => {
    expect(() => memory({ [name]: value })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
  })
})

describe('a cursor over slices', () => {
  it('visits everything that stays, once per pass, while entries come and go', () => {
    const map = new Map(Array.from({ length: 10 }, (_, i) => [i, i]))
    const cursor = new SliceCursor(map)
    const seen: number[] = []
    const visit = (value: number) => {
      seen.push(value)
      return true
    }
    expect(cursor.slice(4, visit)).toBe(false)
    for (const gone of [0, 3, 4, 9]) map.delete(gone)
    map.set(10, 10)
    expect(cursor.slice(100, visit)).toBe(true)
    expect(seen).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 10])
    expect(cursor.slice(1, visit)).toBe(false)
    expect(seen.at(-1)).toBe(1)
  })
})

async function opened(options: MemoryOptions = {}) {
  const environment = new FakeEnvironment()
  const store = memory(options)
  await store.open({ environment, tombstoneRetention: 3_600_000 })
  return { store, environment }
}

async function create(store: SessionStore, n: number, overrides: Partial<NewSession> = {}) {
  const result = await store.create(newSession(n, overrides))
  if (result.outcome !== 'ok') throw new Error('the id is taken')
  return result.record
}
