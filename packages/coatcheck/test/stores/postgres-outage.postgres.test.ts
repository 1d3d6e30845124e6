import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { Live, SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, replaceOptions, sessionId } from '../../src/store-testing/fixtures.ts'
import { postgres } from '../../src/stores/postgres.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { type Fate, FaultProxy, postgresQueries } from '../helpers/fault-proxy.ts'
import { setUpPostgres } from './postgres-fixture.ts'
import { type DriverName, openClient, RETENTION } from './postgres-harness.ts'

const shared = setUpPostgres()
const CONTEXT = { environment: new FakeEnvironment(), tombstoneRetention: RETENTION }
/** More answers than any call waits for. */
const EXCHANGES = 7
/** Connections of a pool. */
const POOL = 8

/** A tombstone past its retention, of which nothing would be written. */
const LONG_OVER = { endedAt: 0, reason: 'logout', userId: null, replacedBy: null, replacedByUserId: null }

const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

describe.each(['pg', 'postgres'] as const)('P2 P10 when the connection of %s breaks', (driver) => {
  const parts = ['request', 'answer'] as const

  it.each(parts)('at the %s of any part of a write, the write is applied exactly once', async (part) => {
    const { store, proxy } = await storeBehindProxy(driver)
    await store.create(newSession(1))
    // A look, then a compare-and-set; the driver postgres asks for more on a new connection.
    for (let n = 0; n < EXCHANGES; n++) {
      proxy.next(...Array<Fate>(n).fill('pass'), `cut-${part}`)
      expect(await append(store, n)).toMatchObject({ outcome: 'ok' })
      if (n < 2) expect(proxy.fatesLeft).toBe(0)
    }
    proxy.next()
    const list = Array.from({ length: EXCHANGES }, (_, n) => n)
    expect(await store.find(sessionId(1))).toMatchObject({ record: { data: { list }, version: EXCHANGES } })
  })

  it.each(parts)(
    'at the %s of any part of a login, there is one new session and the old one is dead',
    async (part) => {
      const { store, proxy } = await storeBehindProxy(driver)
      for (let n = 0; n < EXCHANGES; n++) {
        const session = newSession(100 + n, { userId: `user-${n}` })
        await store.create(newSession(n))
        proxy.next(...Array<Fate>(n).fill('pass'), `cut-${part}`)
        const login = await store.replace(sessionId(n), session, replaceOptions('login'))
        if (n === 0) expect(proxy.fatesLeft).toBe(0)
        proxy.next()
        expect(login).toMatchObject({ outcome: 'ok', record: { id: session.id } })
        expect(await store.find(sessionId(n))).toMatchObject({ tombstone: { replacedBy: session.id } })
        expect((await store.list(`user-${n}`, { limit: 9, cursor: null })).sessions).toHaveLength(1)
      }
    },
  )

  it('at the answer of an end, nobody claims to know, and the session is dead', async () => {
    const { store, proxy } = await storeBehindProxy(driver)
    await store.create(newSession(1))
    proxy.next('cut-answer')
    const error = await store.end(sessionId(1), { reason: 'logout' }).catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', retryable: false })
    expect(await store.find(sessionId(1))).toMatchObject({ status: 'ended', tombstone: { reason: 'logout' } })
  })

  it('while it is idle, the next call does not notice', async () => {
    const { store, proxy } = await storeBehindProxy(driver)
    await store.create(newSession(1))
    proxy.cutAll()
    expect(await store.find(sessionId(1))).toMatchObject({ status: 'live' })
  })
})

// pg takes a connection from its pool before it tells that it failed.
describe('P10 when all connections of postgres break together', () => {
  it.each([
    ['ended, and some are idle', 4, (proxy: FaultProxy) => proxy.hangUp()],
    ['reset, all with a call under way', POOL, (proxy: FaultProxy) => proxy.resetAll()],
  ])('(%s), each call is answered, and so is each that follows', async (_how, underWay, breakAll) => {
    const { store, proxy } = await storeBehindProxy('postgres', POOL)
    await store.create(newSession(1))
    const looks = (count: number) => Promise.allSettled(Array.from({ length: count }, () => look(store)))
    await looks(POOL)
    proxy.next(...Array<Fate>(underWay).fill('hold-answer'))
    const broken = looks(underWay)
    while (proxy.fatesLeft > 0) await proxy.struck()
    breakAll(proxy)
    await broken
    expect(await looks(POOL)).toEqual(Array(POOL).fill({ status: 'fulfilled', value: 'live' }))
  })
})

// The driver postgres keeps trying to connect, and its queries wait.
describe('P10 when every connection', () => {
  it('breaks for good, a login is not retryable, and repeating it by hand with its ids makes one session', async () => {
    const { store, proxy } = await storeBehindProxy('pg')
    const login = () => store.replace(null, newSession(1, { userId: 'ada' }), replaceOptions('login'))
    proxy.always('cut-answer')
    const error = await login().catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', retryable: false })
    proxy.always('pass')
    expect(await login()).toMatchObject({ outcome: 'ok' })
    expect((await store.list('ada', { limit: 9, cursor: null })).sessions).toHaveLength(1)
  })
})

describe('when the server is killed under load', () => {
  it.each(['pg', 'postgres'] as const)(
    'P1 P2 every write that was acknowledged to %s is there afterwards',
    async (driver) => {
      const { client, end } = openClient(driver, shared.server.url(), { max: POOL })
      cleanUps.push(end)
      const store = postgres(client)
      await store.open(CONTEXT)
      const load = new Load(store)
      const over = load.run(POOL)
      await load.reached
      await shared.server.crash()
      load.stop()
      await over
      const { acknowledged, ended } = load
      expect(await store.health()).toMatchObject({ ok: false, error: { code: 'ERR_STORE_UNAVAILABLE' } })
      await shared.server.start()

      expect(await store.health()).toEqual({ ok: true })
      for (const [lane, values] of acknowledged) {
        const found = await store.find(sessionId(lane))
        const list = found.status === 'live' ? (found.record.data.list as string[]) : []
        expect(list.filter((value) => values.includes(value))).toEqual(values)
        expect(list.length - values.length).toBeLessThanOrEqual(1)
        expect(new Set(list).size).toBe(list.length)
      }
      expect(ended.length).toBeGreaterThan(100)
      for (const id of ended) expect(await store.find(id)).toMatchObject({ status: 'ended' })
    },
  )
})

describe('P10 a server that holds a call up', () => {
  it.each([
    ['statement_timeout', 'ERR_STORE_TIMEOUT'],
    ['lock_timeout', 'ERR_STORE_LOCKED'],
  ])('beyond %s leads to %s, and nothing was applied', async (setting, code) => {
    const pool = new pg.Pool({ connectionString: shared.server.url(), options: `-c ${setting}=50` })
    cleanUps.push(() => pool.end())
    const store = postgres(pool)
    await store.open(CONTEXT)
    await store.create(newSession(1))
    const holder = await shared.admin.connect()
    await holder.query('BEGIN; SELECT 1 FROM coatcheck.sessions FOR UPDATE')
    const error = await append(store, 1).catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code, retryable: true })
    expect(await store.find(sessionId(1))).toMatchObject({ status: 'live', record: { version: 0 } })
    await holder.query('ROLLBACK')
    holder.release()
    expect(await append(store, 1)).toMatchObject({ outcome: 'ok' })
    await store.close()
  })
})

describe('P1 a server that became a replica', () => {
  it('is asked nothing: it may not know of the latest logouts', async () => {
    const store = await shared.fixture.opened()
    const created = (await store.create(newSession(1))) as Live
    await shared.server.stop()
    writeFileSync(join(shared.server.data, 'standby.signal'), '')
    await shared.server.start()
    const calls = [
      () => store.find(sessionId(1)),
      () => store.list('ada', { limit: 1, cursor: null }),
      () => store.epochs('ada'),
      () => append(store, 1),
      () => store.end(sessionId(1), { reason: 'logout' }),
      // Of a session that it does not know of yet.
      () => store.end(sessionId(2), { reason: 'logout' }),
      () => store.scan({ limit: 1, cursor: null }),
      () => store.epochFor(created.record),
      () => store.adopt(created, { ifEpoch: null }),
      () => store.bury({ ...LONG_OVER, id: sessionId(2) }, { now: RETENTION }),
    ]
    for (const call of calls) {
      await expect((async () => await call())()).rejects.toMatchObject({ code: 'ERR_STORE_READ_ONLY' })
    }
    expect(await store.health()).toMatchObject({ ok: false, error: { code: 'ERR_STORE_READ_ONLY' } })
    const opening = postgres(shared.fixture.client()).open(CONTEXT)
    await expect(opening).rejects.toMatchObject({ code: 'ERR_STORE_SETTING', message: /replica/ })
  })
})

/** Appends, logins and logouts, one after another in each lane, until the store fails. */
class Load {
  readonly acknowledged = new Map<number, string[]>()
  readonly ended: SessionId[] = []
  readonly reached: Promise<void>
  readonly #store: SessionStore
  readonly #reach: () => void
  #stopped = false

  constructor(store: SessionStore) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#store = store
    this.reached = promise
    this.#reach = resolve
  }

  /** Resolves when all lanes are through. */
  async run(lanes: number): Promise<void> {
    await Promise.allSettled(Array.from({ length: lanes }, (_, lane) => this.#run(lane)))
  }

  stop(): void {
    this.#stopped = true
  }

  async #run(lane: number): Promise<void> {
    const values: string[] = []
    this.acknowledged.set(lane, values)
    await this.#store.create(newSession(lane, { data: { list: [] } }))
    for (let n = 0; !this.#stopped; n++) {
      const done = await this.#turn(lane, n, values).catch(() => false)
      if (!done) return
      if (this.ended.length >= 150) this.#reach()
    }
  }

  async #turn(lane: number, n: number, values: string[]): Promise<boolean> {
    const value = `${lane}-${n}`
    await write(this.#store, sessionId(lane), value, value)
    values.push(value)
    const session = newSession(100_000 * (lane + 1) + n)
    await this.#store.create(session)
    await this.#store.end(session.id, { reason: 'logout' })
    this.ended.push(session.id)
    return true
  }
}

/** A store whose connections, by default one that is there already, pass a proxy. */
async function storeBehindProxy(driver: DriverName, max = 1) {
  const proxy = await FaultProxy.start(shared.server.port, postgresQueries)
  const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`
  const { client, end } = openClient(driver, url, { max })
  const store = postgres(client)
  await store.open(CONTEXT)
  // Prepared statements, where the driver makes them, are there after a first call.
  await store.end(sessionId(0), { reason: 'logout' })
  cleanUps.push(
    () => proxy.close(),
    () => end(),
    () => store.close(),
  )
  return { store, proxy }
}

async function look(store: SessionStore): Promise<string> {
  return (await store.find(sessionId(1))).status
}

function append(store: SessionStore, n: number) {
  return write(store, sessionId(1), `append-${n}`, n)
}

function write(store: SessionStore, id: SessionId, operationId: string, value: string | number) {
  return store.mutate(id, [{ kind: 'append', field: 'list', value }], mutateOptions(operationId))
}
