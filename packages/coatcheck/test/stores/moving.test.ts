import { describe, expect, it } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { Ended, NewSession, SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, replaceOptions, sessionIdOf } from '../../src/store-testing/fixtures.ts'
import { memory } from '../../src/stores/memory.ts'
import { type MovingOptions, moveRest, moving } from '../../src/stores/moving.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment, FaultyStore } from '../../src/testing/index.ts'

const RETENTION = 3_600_000
const USER = 'ada'

describe('a session that moves', () => {
  it('P3 is the same in the other store, and ended in the one that it has left', async () => {
    const { from, to, store } = await opened()
    const record = await created(from, 1, { data: { cart: ['hat'], '': {} } })
    const found = await store.find(record.id)
    const epoch = await to.epochFor(record)
    expect(found).toMatchObject({ status: 'live', record: { ...record, epoch } })
    expect(await to.find(record.id)).toEqual(found)
    expect(await from.find(record.id)).toMatchObject({ status: 'ended', tombstone: { reason: 'moved' } })
  })

  it('moves once: later it is asked for in the other store alone', async () => {
    const { from, store } = await opened()
    const { id } = await created(from, 1)
    await store.find(id)
    from.clearCalls()
    for (let n = 0; n < 3; n++) expect(await store.find(id)).toMatchObject({ status: 'live' })
    expect(from.calls).toEqual([])
  })

  it('P10 does not move while either store fails, and moves afterwards', async () => {
    const { from, to, store } = await opened()
    const { id } = await created(from, 1)
    for (const [faulty, method] of [
      [to, 'find'],
      [from, 'find'],
      [to, 'epochFor'],
      [to, 'adopt'],
      [from, 'end'],
    ] as const) {
      faulty.fail(method, undefined, { times: 1 })
      await expect(Promise.resolve(store.find(id))).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    }
    expect(await store.find(id)).toMatchObject({ status: 'live' })
  })

  it('P1 that ended before it could move is buried in the other store, and stays ended in it', async () => {
    const { from, to, store } = await opened()
    const { id } = await created(from, 1)
    await from.end(id, { reason: 'logout' })
    const ended = { status: 'ended', tombstone: { id, reason: 'logout' }, justEnded: false }
    expect(await store.find(id)).toMatchObject(ended)
    expect(await to.find(id)).toMatchObject(ended)
  })

  it('EXP-04 that is found past its deadline is reported as just ended, once', async () => {
    const { environment, from, store } = await opened()
    const { id, idleTimeout } = await created(from, 1)
    environment.advance(idleTimeout)
    expect(await store.find(id)).toMatchObject({ justEnded: true, tombstone: { reason: 'idle' } })
    expect(await store.find(id)).toMatchObject({ justEnded: false, tombstone: { reason: 'idle' } })
  })

  it('P1 stays dead where the other store has lost it', async () => {
    const environment = new FakeEnvironment()
    const from = await open(memory(), environment)
    const { id } = await created(from, 1)
    await (await open(moving({ from, to: memory() }), environment)).find(id)
    const store = await open(moving({ from, to: memory() }), environment)
    expect(await store.find(id)).toMatchObject({ status: 'ended', tombstone: { reason: 'moved' } })
    expect(await store.mutate(id, [], mutateOptions('a'))).toMatchObject({ outcome: 'gone' })
    expect((await store.create(newSession(1, { id, userId: USER }))).outcome).toBe('exists')
  })

  it('P1 ends again where it was adopted after an end elsewhere', async () => {
    const { from, to, store } = await opened()
    const { id } = await created(from, 1)
    const release = to.hang('adopt')
    const finding = store.find(id)
    await called(to, 'adopt')
    await from.end(id, { reason: 'logout' })
    release()
    expect(await finding).toMatchObject({ status: 'ended', tombstone: { reason: 'logout' } })
    expect(await to.find(id)).toMatchObject({ status: 'ended' })
  })

  it('P1 ends again where its adoption took so long that its end may be forgotten', async () => {
    const { environment, from, to, store } = await opened()
    const { id } = await created(from, 1, { idleTimeout: 100 * RETENTION, absoluteTimeout: 100 * RETENTION })
    const release = to.hang('adopt', { times: 1 })
    const finding = store.find(id)
    await called(to, 'adopt')
    const other = moving({ from, to })
    await open(other, environment)
    await other.end(id, { reason: 'logout' })
    environment.advance(RETENTION)
    expect(await to.sweep({ limit: 10 })).toMatchObject({ tombstonesRemoved: 1 })
    release()
    expect(await finding).toMatchObject({ status: 'ended', tombstone: { reason: 'revoked' } })
  })

  it('P8 that is over by the other clock ends in both', async () => {
    const { environment, from, to, store } = await opened()
    const { id, idleTimeout } = await created(from, 1)
    const release = to.hang('adopt', { times: 1 })
    const finding = store.find(id)
    await called(to, 'adopt')
    // The instants that it moves by are those of a look that is as old by now.
    environment.advance(idleTimeout)
    release()
    await finding
    expect(await from.find(id)).toMatchObject({ status: 'ended' })
  })
})

describe('what is done to many sessions', () => {
  it('a list has those of both stores, once each', async () => {
    const { from, store } = await opened()
    for (const n of [1, 2, 3]) await created(from, n)
    await store.find(sessionIdOf(2, USER))
    await store.create(newSession(4, { id: sessionIdOf(4, USER), userId: USER }))
    const { sessions } = await store.list(USER, { limit: 10, cursor: null })
    expect(sessions.map(({ id }) => id).sort()).toEqual([1, 2, 3, 4].map((n) => sessionIdOf(n, USER)).sort())
  })

  it('CON-01 a limit counts those of both stores', async () => {
    const { from, store } = await opened()
    for (const n of [1, 2]) await created(from, n)
    const id = sessionIdOf(3, USER)
    const refuse = replaceOptions('a', { limit: { count: 2, onLimit: 'refuse' } })
    const login = newSession(3, { id, userId: USER })
    expect(await store.replace(null, login, refuse)).toEqual({ outcome: 'limit' })
    const evict = replaceOptions('b', { limit: { count: 1, onLimit: 'evict-oldest' } })
    expect((await store.replace(null, login, evict)) as object).toMatchObject({
      outcome: 'ok',
      evicted: [{ reason: 'limit' }, { reason: 'limit' }],
    })
  })

  it('P7 an end of a user names each session once', async () => {
    const { from, store } = await opened()
    const ids: SessionId[] = []
    for (const n of [1, 2, 3]) ids.push((await created(from, n)).id)
    await store.find(sessionIdOf(2, USER))
    const { ended } = await store.endUser(USER, { reason: 'revoked' })
    expect(ended.map(({ id }) => id).sort()).toEqual(ids.sort())
  })

  it('LIO-02 a logout follows replacements from the old store into the new one', async () => {
    const { from, store } = await opened()
    const [first, second, third] = [1, 2, 3].map((n) => sessionIdOf(n, USER)) as [
      SessionId,
      SessionId,
      SessionId,
    ]
    await created(from, 1)
    await from.replace(first, newSession(2, { id: second, userId: USER }), replaceOptions('a'))
    await store.replace(second, newSession(3, { id: third, userId: USER }), replaceOptions('b'))
    const ended = await store.end(first, { reason: 'logout', follow: true, ofUser: USER })
    expect(ended).toMatchObject({ outcome: 'ended', ended: [{ id: third }] })
    expect((await store.list(USER, { limit: 10, cursor: null })).sessions).toEqual([])
  })

  it('a sweep ends those of both stores, and reports no copy of a session that lives on', async () => {
    const { environment, from, to, store } = await opened()
    const { id, idleTimeout } = await created(from, 1)
    await created(from, 2)
    // As a node leaves it that dies before it has ended what it moved.
    from.fail('end', undefined, { times: 1 })
    await expect(Promise.resolve(store.find(id))).rejects.toThrow()
    await store.create(newSession(3, { idleTimeout }))
    environment.advance(idleTimeout / 2)
    await to.touch([{ id, ago: 0 }])
    environment.advance(idleTimeout / 2)
    const ended: Ended[] = []
    for (let slice = await store.sweep({ limit: 2 }); ; slice = await store.sweep({ limit: 2 })) {
      ended.push(...slice.ended)
      if (!slice.more) break
    }
    expect(ended.map((one) => one.id).sort()).toEqual([sessionIdOf(2, USER), sessionIdOf(3, null)].sort())
    expect(await store.find(id)).toMatchObject({ status: 'live' })
  })

  it('a scan tells each session once, as it is after the move', async () => {
    const { from, store } = await opened()
    for (const n of [1, 2, 3]) await created(from, n)
    await from.end(sessionIdOf(3, USER), { reason: 'logout' })
    await store.mutate(sessionIdOf(1, USER), [{ kind: 'set', field: 'n', value: 1 }], mutateOptions('a'))
    const told: unknown[] = []
    for (let cursor: string | null = null, page = 0; cursor !== null || page === 0; page++) {
      const result = await store.scan({ limit: 1, cursor })
      told.push(...result.sessions.map(({ data }) => data), ...result.tombstones.map(({ reason }) => reason))
      cursor = result.cursor
    }
    expect(told).toHaveLength(3)
    expect(told).toEqual(expect.arrayContaining([{ n: 1 }, {}, 'logout']))
    await expect(store.scan({ limit: 1, cursor: 'elsewhere' })).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })
})

describe('the rest', () => {
  it('P3 P1 moves slice by slice, ended ones as ended, until the old store can go', async () => {
    const { environment, from, to, store } = await opened()
    for (let n = 0; n < 25; n++) await created(from, n)
    for (const n of [3, 4]) await from.end(sessionIdOf(n, USER), { reason: 'logout' })
    await store.find(sessionIdOf(0, USER))
    const slices: number[] = []
    for (let left = true; left; ) {
      const slice = await moveRest(store, { limit: 10 })
      slices.push(slice.moved)
      left = slice.left
    }
    expect(slices.length).toBeGreaterThan(1)
    expect(slices.reduce((sum, moved) => sum + moved, 0)).toBe(22)
    expect((await from.scan({ limit: 100, cursor: null })).sessions).toEqual([])
    const alone = await open(to, environment)
    const found = await Promise.all([0, 3, 24].map((n) => alone.find(sessionIdOf(n, USER))))
    expect(found).toMatchObject([
      { status: 'live' },
      { status: 'ended', tombstone: { reason: 'logout' } },
      { status: 'live' },
    ])
  })

  it('P10 is moved again by the next call where a slice failed', async () => {
    const { from, to, store } = await opened()
    for (let n = 0; n < 5; n++) await created(from, n)
    to.fail('adopt', undefined, { times: 1 })
    await expect(moveRest(store)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' })
    expect(await moveRest(store)).toMatchObject({ left: false })
    expect((await from.scan({ limit: 100, cursor: null })).sessions).toEqual([])
  })

  it('is nothing that another store than one that moves has', async () => {
    await expect(moveRest(memory())).rejects.toMatchObject({ code: 'ERR_USAGE' })
    const { store } = await opened()
    await expect(moveRest(store, { limit: 0 })).rejects.toMatchObject({ code: 'ERR_OPTION' })
  })
})

describe('two stores as one', () => {
  it('can do what both can, and has the keys of the old one', async () => {
    const [from, to] = [sqlite(':memory:'), memory()]
    const store = moving({ from, to })
    expect(store.name).toBe('sqlite-to-memory')
    expect(store.capabilities).toEqual({ shared: 'process', durable: false, replace: 'transaction' })
    expect(await store.defaultKeys?.().load()).toEqual(await from.defaultKeys?.().load())
    expect(moving({ from: { ...to, adopt: to.adopt } as SessionStore, to }).defaultKeys).toBeUndefined()
  })

  it('P10 closes the old one where the new one does not open', async () => {
    const [from, to] = [new FaultyStore(memory()), new FaultyStore(memory())]
    to.fail('open')
    await expect(open(moving({ from, to }), new FakeEnvironment())).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    })
    expect(await from.health()).toMatchObject({ ok: false })
  })

  it('are healthy only together', async () => {
    const { from, to, store } = await opened()
    expect(await store.health()).toEqual({ ok: true })
    for (const faulty of [from, to]) {
      faulty.fail('health', undefined, { times: 1 })
      expect(await store.health()).toMatchObject({ ok: false })
    }
  })

  it.each([[{ from: memory() }], [{ from: {}, to: memory() }], [{ from: memory(), to: memory(), limit: 1 }]])(
    'refuses the options %#',
    (options) => {
      expect(() => moving(options as MovingOptions)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
    },
  )

  it('refuses one store as both', () => {
    const store = memory()
    expect(() => moving({ from: store, to: store })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }))
  })
})

async function opened() {
  const environment = new FakeEnvironment()
  const [from, to] = [new FaultyStore(memory()), new FaultyStore(memory())]
  return { environment, from, to, store: await open(moving({ from, to }), environment) }
}

async function open(store: SessionStore, environment: FakeEnvironment): Promise<SessionStore> {
  await store.open({ environment, tombstoneRetention: RETENTION })
  return store
}

async function created(store: SessionStore, n: number, overrides: Partial<NewSession> = {}) {
  const id = sessionIdOf(n, USER)
  const result = await store.create(newSession(n, { id, userId: USER, ...overrides }))
  if (result.outcome !== 'ok') throw new Error('the id is taken')
  return result.record
}

/** Once the store has been asked. */
async function called(store: FaultyStore, method: string): Promise<void> {
  while (!store.calls.some((call) => call.method === method)) await Promise.resolve()
}
