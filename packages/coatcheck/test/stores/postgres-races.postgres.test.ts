import type pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import type { SessionId } from '../../src/core/record.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, replaceOptions, sessionId } from '../../src/store-testing/fixtures.ts'
import { Random } from '../../src/store-testing/model/random.ts'
import { type PgPool, postgres } from '../../src/stores/postgres.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { setUpPostgres } from './postgres-fixture.ts'
import { type DriverName, openClient, RETENTION } from './postgres-harness.ts'

const shared = setUpPostgres({ settings: { deadlock_timeout: '20ms' } })
const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

describe.each(['pg', 'postgres'] as const)('nodes that share a server through %s', (driver) => {
  it('P2 keep all of 200 appends that four of them make to one session at once', async () => {
    const nodes = await openNodes(driver, 4)
    await node(nodes, 0).create(newSession(1))
    const writes = Array.from({ length: 200 }, (_, n) => append(node(nodes, n), 1, n))
    for (const write of await Promise.all(writes)) expect(write.outcome).toBe('ok')
    const found = await node(nodes, 0).find(sessionId(1))
    const list = found.status === 'live' ? (found.record.data.list as number[]) : []
    expect(list.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, n) => n))
  })

  it('CON-09 leave 0 alive when all of a user is ended after 50 logins at once', async () => {
    const nodes = await openNodes(driver, 4)
    const logins = Array.from({ length: 50 }, (_, n) => logIn(node(nodes, n), n, 'ada'))
    await Promise.all(logins)
    const { ended } = await node(nodes, 1).endUser('ada', { reason: 'revoked' })
    expect(ended).toHaveLength(50)
    for (let n = 0; n < 50; n++) {
      expect(await node(nodes, n).find(sessionId(n))).toMatchObject({
        status: 'ended',
        tombstone: { reason: 'revoked' },
      })
    }
  })

  it('report each session once where ends of one and of all its user’s meet', async () => {
    const nodes = await openNodes(driver, 4)
    for (let n = 0; n < 40; n++) await node(nodes, n).create(newSession(n, { userId: 'ada' }))
    const ends = Array.from({ length: 40 }, (_, n) => node(nodes, n).end(sessionId(n), { reason: 'logout' }))
    const all = node(nodes, 3).endUser('ada', { reason: 'revoked' })
    const single = (await Promise.all(ends)).flatMap((end) => (end.outcome === 'ended' ? end.ended : []))
    const reported = [...single, ...(await all).ended].map(({ id }) => id)
    expect(reported.toSorted()).toEqual(Array.from({ length: 40 }, (_, n) => sessionId(n)).toSorted())
  })

  it('CON-05 never exceed a limit, whoever logs in where', async () => {
    const nodes = await openNodes(driver, 4)
    const limit = { count: 5, onLimit: 'evict-idle' } as const
    const logins = Array.from({ length: 40 }, (_, n) =>
      node(nodes, n).replace(null, newSession(n, { userId: 'ada' }), replaceOptions(`login-${n}`, { limit })),
    )
    const evicted = (await Promise.all(logins)).flatMap((login) =>
      login.outcome === 'ok' ? login.evicted : [],
    )
    const { sessions } = await node(nodes, 0).list('ada', { limit: 100, cursor: null })
    expect(sessions).toHaveLength(5)
    expect(new Set(evicted.map(({ id }) => id)).size).toBe(35)
  })

  it('touch the same sessions in opposite orders without a deadlock', async () => {
    const nodes = await openNodes(driver, 4)
    const ids = Array.from({ length: 60 }, (_, n) => sessionId(n))
    for (let n = 0; n < 60; n++) await node(nodes, n).create(newSession(n))
    await shared.fixture.setClock(new FakeEnvironment().now() + 60_000)
    const batches = Array.from({ length: 40 }, (_, n) => {
      const batch = ids.map((id, i) => ({ id, ago: 40_000 - 500 * n - i }))
      return node(nodes, n).touch(n % 2 ? batch : batch.toReversed())
    })
    await Promise.all(batches)
    expect(shared.server.logged('deadlock detected')).toEqual([])
  })

  it('do everything to the same few sessions at once without a deadlock', async () => {
    const nodes = await openNodes(driver, 4)
    const random = new Random(7)
    for (let n = 0; n < 6; n++) await node(nodes, 0).create(newSession(n, { userId: `user-${n % 2}` }))
    const calls = Array.from({ length: 400 }, (_, n) => anyCall(node(nodes, n), random, n))
    await Promise.all(calls)
    expect(shared.server.logged('deadlock detected')).toEqual([])
  })
})

describe('a pool of one connection', () => {
  it.each(['pg', 'postgres'] as const)(
    'through %s, is enough for any number of calls at once',
    async (driver) => {
      const nodes = await openNodes(driver, 2, 1)
      const random = new Random(11)
      for (let n = 0; n < 6; n++) await node(nodes, 0).create(newSession(n, { userId: `user-${n % 2}` }))
      await Promise.all(Array.from({ length: 150 }, (_, n) => anyCall(node(nodes, n), random, n)))
      expect(await node(nodes, 0).health()).toEqual({ ok: true })
    },
  )
})

describe('a look at a session', () => {
  it('is one statement, also where it finds the session past its deadline', async () => {
    const { store, statements } = await countingStore()
    await store.create(newSession(1))
    const before = statements.length
    expect(await store.find(sessionId(1))).toMatchObject({ status: 'live' })
    await shared.fixture.setClock(new FakeEnvironment().now() + 24 * 3_600_000)
    expect(await store.find(sessionId(1))).toMatchObject({ status: 'ended', justEnded: true })
    expect(await store.find(sessionId(2))).toEqual({ status: 'unknown' })
    expect(statements.length - before).toBe(3)
  })

  it('P8 is judged by the clock of the server, whatever the clocks of the nodes say', async () => {
    const [early, late] = [new FakeEnvironment(), new FakeEnvironment()]
    early.stepWallClock(-3_600_000)
    late.stepWallClock(3_600_000)
    const nodes = [await shared.fixture.opened(early), await shared.fixture.opened(late)]
    const session = newSession(1, { userId: 'ada', idleTimeout: 60_000 })
    const created = await node(nodes, 0).create(session)
    const server = new FakeEnvironment().now()
    expect(created).toMatchObject({ now: server, record: { createdAt: server } })
    for (const one of nodes) {
      await one.touch([{ id: session.id, ago: 0 }])
      expect(await one.find(session.id)).toMatchObject({
        status: 'live',
        now: server,
        record: { lastSeenAt: server },
      })
      expect((await one.sweep({ limit: 10 })).ended).toEqual([])
    }
    early.stepWallClock(7_200_000)
    expect(await node(nodes, 0).find(session.id)).toMatchObject({ status: 'live' })
  })
})

describe('STO-07 a sweep', () => {
  it('by four nodes at once ends and reports every expired session once', async () => {
    const nodes = await openNodes('pg', 4)
    for (let n = 0; n < 60; n++) await node(nodes, n).create(newSession(n))
    await shared.fixture.setClock(new FakeEnvironment().now() + 24 * 3_600_000)
    const swept = await Promise.all(nodes.map((one) => sweepAll(one)))
    expect(swept.flat().toSorted()).toEqual(Array.from({ length: 60 }, (_, n) => sessionId(n)).toSorted())
  })

  it('waits for nobody, and leaves what others hold to the next one', async () => {
    const [store] = await openNodes('pg', 1)
    for (let n = 0; n < 5; n++) await store?.create(newSession(n))
    await shared.fixture.setClock(new FakeEnvironment().now() + 24 * 3_600_000)
    const holder = await shared.admin.connect()
    await holder.query('BEGIN')
    await holder.query('SELECT 1 FROM coatcheck.sessions WHERE id = $1 FOR UPDATE', [sessionId(2)])
    expect((await store?.sweep({ limit: 10 }))?.ended).toHaveLength(4)
    await holder.query('ROLLBACK')
    holder.release()
    expect((await store?.sweep({ limit: 10 }))?.ended).toMatchObject([{ id: sessionId(2) }])
  })

  it('P1 clears what an end of a user has left, and what it says stays the same', async () => {
    const [store] = (await openNodes('pg', 1)) as [SessionStore]
    for (let n = 0; n < 25; n++)
      await store.create(newSession(n, { userId: 'ada', data: { cart: ['umbrella'] } }))
    await store.endUser('ada', { reason: 'revoked' })
    const before = await Promise.all(Array.from({ length: 5 }, (_, n) => store.find(sessionId(n))))
    expect(await sweepAll(store, 4)).toEqual([])
    const after = await Promise.all(Array.from({ length: 25 }, (_, n) => store.find(sessionId(n))))
    expect(after.slice(0, 5)).toEqual(before)
    for (const found of after) expect(found).toMatchObject({ status: 'ended', justEnded: false })
    const { rows } = await shared.admin.query(
      'SELECT (SELECT count(*) FROM coatcheck.user_ends) ends, (SELECT count(data) FROM coatcheck.sessions) data',
    )
    expect(rows).toEqual([{ ends: '0', data: '0' }])
  })
})

describe('P1 a tombstone', () => {
  it('turns back into a session by no statement', async () => {
    const [store] = (await openNodes('pg', 1)) as [SessionStore]
    await store.create(newSession(1))
    await store.end(sessionId(1), { reason: 'logout' })
    const revive =
      "UPDATE coatcheck.sessions SET ended_at = NULL, data = '{}', rotation = '{}', operation_ids = '{}'"
    await expect(shared.admin.query(revive)).rejects.toThrow('this session has ended')
    expect(await store.create(newSession(1))).toEqual({ outcome: 'exists' })
  })
})

describe('strings that look like SQL', () => {
  it.each([
    "'; DROP SCHEMA coatcheck CASCADE; --",
    '$function$',
    '$1',
    "\\'",
    '"',
    '%',
    '_',
    '{s}',
    'a\0b',
    '\ud800',
    '\u0001"x"',
  ])('are values: %j', async (text) => {
    const [store] = (await openNodes('pg', 1)) as [SessionStore]
    const session = newSession(1, { id: text as SessionId, userId: text, data: { [text]: text } })
    await store.create(session)
    await store.create(newSession(2, { userId: 'somebody else' }))
    await store.mutate(
      text as SessionId,
      [{ kind: 'append', field: 'list', value: text }],
      mutateOptions(text),
    )
    const { sessions } = await store.list(text, { limit: 10, cursor: null })
    expect(sessions).toMatchObject([{ id: text, userId: text, data: { [text]: text, list: [text] } }])
    expect(await store.end(text as SessionId, { reason: text, ofUser: text })).toEqual({
      outcome: 'ended',
      ended: [{ id: text, userId: text, reason: text }],
    })
    expect(await store.find(text as SessionId)).toMatchObject({ tombstone: { id: text, reason: text } })
    expect(await store.endUser(text, { reason: text, except: [text as SessionId] })).toEqual({ ended: [] })
    expect(await store.find(sessionId(2))).toMatchObject({ status: 'live' })
  })

  it('make no cursor', async () => {
    const [store] = (await openNodes('pg', 1)) as [SessionStore]
    const list = store.list('ada', { limit: 1, cursor: "1' OR true" })
    await expect(list).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })
})

async function openNodes(driver: DriverName, count: number, max = 8): Promise<readonly SessionStore[]> {
  const environment = new FakeEnvironment()
  return Promise.all(
    Array.from({ length: count }, async () => {
      const { client, end } = openClient(driver, shared.server.url(), { max })
      const store = postgres(client)
      await store.open({ environment, tombstoneRetention: RETENTION })
      cleanUps.push(end, () => store.close())
      return store
    }),
  )
}

/** A store whose statements are noted. */
async function countingStore() {
  const { client, end } = openClient('pg', shared.server.url())
  const statements: string[] = []
  const pool = client as pg.Pool
  const counting = {
    connect() {},
    query: (query: Parameters<PgPool['query']>[0]) => {
      statements.push(query.text)
      return pool.query(query)
    },
  }
  const store = postgres(counting)
  await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
  cleanUps.push(end, () => store.close())
  return { store, statements }
}

function node(nodes: readonly SessionStore[], n: number): SessionStore {
  const store = nodes[n % nodes.length]
  if (!store) throw new Error('There must be a node.')
  return store
}

function append(store: SessionStore, session: number, value: number) {
  return store.mutate(
    sessionId(session),
    [{ kind: 'append', field: 'list', value }],
    mutateOptions(`append-${value}`),
  )
}

async function logIn(store: SessionStore, n: number, userId: string): Promise<void> {
  const login = await store.replace(null, newSession(n, { userId }), replaceOptions(`login-${n}`))
  expect(login.outcome).toBe('ok')
}

/** Some call on some of six sessions of two users. */
function anyCall(store: SessionStore, random: Random, n: number): Promise<unknown> {
  const [one, other] = [random.below(6), random.below(6)]
  const user = `user-${random.below(2)}`
  const limit = { count: 3, onLimit: 'evict-oldest' } as const
  const touches = [other, one, 5 - one, 5 - other].map((m) => ({ id: sessionId(m), ago: 0 }))
  const calls: readonly [() => Promise<unknown>, ...(() => Promise<unknown>)[]] = [
    () => append(store, one, n),
    () => store.touch(touches),
    () => store.touch(touches.toReversed()),
    () =>
      store.replace(
        sessionId(one),
        newSession(100 + n, { userId: user }),
        replaceOptions(`r-${n}`, { limit }),
      ),
    () => store.replace(null, newSession(1_000 + n, { userId: user }), replaceOptions(`r-${n}`, { limit })),
    () => store.end(sessionId(one), { reason: 'logout', follow: true }),
    () => store.endUser(user, { reason: 'revoked', except: [sessionId(one), sessionId(other)] }),
    () => store.list(user, { limit: 3, cursor: null }),
    () => store.sweep({ limit: 3 }),
    () => store.epochs(user),
    () => store.create(newSession(one, { userId: user })),
  ]
  return random.pick(calls)()
}

async function sweepAll(store: SessionStore, limit = 7): Promise<readonly SessionId[]> {
  const ids: SessionId[] = []
  for (;;) {
    const { ended, more } = await store.sweep({ limit })
    ids.push(...ended.map(({ id }) => id))
    if (!more) return ids
  }
}
