import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import type { PreviousSecret, SessionId } from '../../src/core/record.ts'
import type { Live, SessionStore } from '../../src/core/store.ts'
import { IDLE, newSession, nextRotation, sessionId } from '../../src/store-testing/fixtures.ts'
import { memory } from '../../src/stores/memory.ts'
import { type PgPool, postgres } from '../../src/stores/postgres.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { setUpPostgres } from './postgres-fixture.ts'
import { RETENTION } from './postgres-harness.ts'

const shared = setUpPostgres({ settings: { deadlock_timeout: '20ms' } })
const START = new FakeEnvironment().now()
const cleanUps: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

describe('P1 a session that is taken over while', () => {
  it('all of its user’s are being ended is stale, having waited for the end', async () => {
    const [store, ending] = [await shared.fixture.opened(), await uncommitted()]
    const session = await elsewhere(1, 'ada')
    const ifEpoch = await store.epochFor(session.record)
    await ending.store.endUser('ada', { reason: 'revoked' })
    const adopted = store.adopt(session, { ifEpoch })
    await somebodyWaits()
    await ending.commit()
    expect(await adopted).toEqual({ outcome: 'stale' })
    expect(await store.find(session.record.id)).toEqual({ status: 'unknown' })
  })

  it('an end of all of its user’s waits for it is ended by that', async () => {
    const [store, taking] = [await shared.fixture.opened(), await uncommitted()]
    const session = await elsewhere(1, 'ada')
    const ifEpoch = await store.epochFor(session.record)
    expect(await taking.store.adopt(session, { ifEpoch })).toMatchObject({ outcome: 'ok' })
    const ended = store.endUser('ada', { reason: 'revoked' })
    await somebodyWaits()
    await taking.commit()
    expect((await ended).ended).toMatchObject([{ id: session.record.id }])
    expect(await store.find(session.record.id)).toMatchObject({ tombstone: { reason: 'revoked' } })
  })

  it.each([null, 'ada'])(
    'everyone’s are being ended is ended with them, also of the user %j',
    async (userId) => {
      const [store, ending] = [await shared.fixture.opened(), await uncommitted()]
      const session = await elsewhere(1, userId)
      const ifEpoch = await store.epochFor(session.record)
      await ending.store.endEveryone({ reason: 'breach' })
      // Nobody waits for an end of everyone; what is stored meanwhile belongs to the epoch that it closes.
      expect(await store.adopt(session, { ifEpoch })).toMatchObject({ outcome: 'ok' })
      await ending.commit()
      expect(await store.find(session.record.id)).toMatchObject({ tombstone: { reason: 'breach' } })
      expect(await store.adopt(await elsewhere(2, userId), { ifEpoch })).toEqual({ outcome: 'stale' })
    },
  )

  it('everyone’s are ended before it is there is ended with them', async () => {
    const [store, taking] = [await shared.fixture.opened(), await uncommitted()]
    const session = await elsewhere(1, null)
    expect(await taking.store.adopt(session, { ifEpoch: null })).toMatchObject({ outcome: 'ok' })
    await store.endEveryone({ reason: 'breach' })
    await taking.commit()
    expect(await store.find(session.record.id)).toMatchObject({ tombstone: { reason: 'breach' } })
  })

  it('its tombstone is, lives in no order of the two', async () => {
    const [store, first] = [await shared.fixture.opened(), await uncommitted()]
    const [one, two] = [await elsewhere(1, 'ada'), await elsewhere(2, 'bob')]
    await first.store.adopt(one, { ifEpoch: null })
    await first.store.bury(tombstoneOf(two), { now: two.now })
    const buried = store.bury(tombstoneOf(one), { now: one.now })
    const adopted = store.adopt(two, { ifEpoch: null })
    await somebodyWaits(2)
    await first.commit()
    expect(await buried).toEqual({ outcome: 'ended' })
    expect(await adopted).toMatchObject({ outcome: 'ended', tombstone: { reason: 'logout' } })
    for (const { record } of [one, two]) {
      expect(await store.find(record.id)).toMatchObject({ tombstone: { reason: 'logout' } })
    }
  })

  it('all sorts of ends come and go, is stale or over in the end: 120 of them on four nodes', async () => {
    const nodes = await openNodes(4)
    const sessions = await Promise.all(Array.from({ length: 120 }, (_, n) => elsewhere(n, `user-${n % 3}`)))
    const epochs = await Promise.all(sessions.map(({ record }, n) => node(nodes, n).epochFor(record)))
    const calls = sessions.map(async (session, n) => {
      const ifEpoch = epochs[n] as string
      const { outcome } = await node(nodes, n).adopt(session, { ifEpoch })
      if (n % 20 === 7) await node(nodes, n + 1).endEveryone({ reason: 'breach' })
      return outcome
    })
    const ends = [0, 1, 2].map((user) => node(nodes, user).endUser(`user-${user}`, { reason: 'revoked' }))
    const outcomes = await Promise.all(calls)
    await Promise.all(ends)
    expect(outcomes.filter((outcome) => outcome !== 'ok' && outcome !== 'stale')).toEqual([])
    for (const [n, { record }] of sessions.entries()) {
      const { status } = await node(nodes, n).find(record.id)
      expect([n, status]).toEqual([n, outcomes[n] === 'ok' ? 'ended' : 'unknown'])
    }
    expect(shared.server.logged('deadlock detected')).toEqual([])
  })
})

describe('a session that is taken over', () => {
  it('twice at once is stored once, and the other call answers with it', async () => {
    const nodes = await openNodes(2)
    const session = await elsewhere(1, 'ada')
    const both = await Promise.all(nodes.map((store) => store.adopt(session, { ifEpoch: null })))
    expect(both.map(({ outcome }) => outcome).toSorted()).toEqual(['exists', 'ok'])
    expect((both[0] as Live).record).toEqual((both[1] as Live).record)
  })

  it('keeps what no text of the server can hold, and order and marks of its rotating half', async () => {
    const store = await shared.fixture.opened()
    const { record, now } = await elsewhere(1, 'a\0b')
    const text = 'a\0b\ud800\u00011\u0001"\\'
    const { previous, ...current } = nextRotation(record.rotation, 1).next
    const odd = {
      ...record,
      device: { userAgent: text, address: null, label: null },
      data: { [text]: text, n: 1.5 },
      rotation: { previous: { ...(previous as PreviousSecret), context: text, salt: text }, ...current },
    }
    const adopted = await store.adopt({ record: odd, now }, { ifEpoch: null })
    const { epoch } = (adopted as Live).record
    expect(JSON.stringify((adopted as Live).record)).toBe(JSON.stringify({ ...odd, epoch }))
    expect(await store.find(record.id)).toMatchObject({ status: 'live', record: { ...odd, epoch } })
  })
})

describe('a scan', () => {
  it('tells of a session past its deadline that somebody is using since before', async () => {
    const [store, using] = [await shared.fixture.opened(), await uncommitted()]
    await store.create(newSession(1))
    await shared.fixture.setClock(START + IDLE - 1)
    await using.store.touch([{ id: sessionId(1), ago: 0 }])
    await shared.fixture.setClock(START + IDLE)
    const page = store.scan({ limit: 10, cursor: null })
    await somebodyWaits()
    await using.commit()
    expect((await page).sessions).toMatchObject([{ id: sessionId(1), lastSeenAt: START + IDLE - 1 }])
  })

  it('leaves sessions past a deadline to the sweep, which reports them', async () => {
    const store = await shared.fixture.opened()
    await store.create(newSession(1))
    await shared.fixture.setClock(START + IDLE)
    expect(await store.scan({ limit: 10, cursor: null })).toMatchObject({ sessions: [], tombstones: [] })
    expect((await store.sweep({ limit: 10 })).ended).toMatchObject([{ id: sessionId(1), reason: 'idle' }])
    expect((await store.scan({ limit: 10, cursor: null })).tombstones).toMatchObject([{ id: sessionId(1) }])
  })

  it('page by page while others come and go misses none that stays, and has none live that was over', async () => {
    const nodes = await openNodes(3)
    for (let n = 0; n < 240; n++) await node(nodes, n).create(newSession(n, { userId: `user-${n % 4}` }))
    const staying = Array.from({ length: 240 }, (_, n) => n).filter((n) => n % 4 !== 3 && n % 3 !== 0)
    const live = new Set<string>()
    let dead: SessionId[] = []
    let cursor: string | null = null
    let round = 0
    do {
      const churn = stir(nodes, round++)
      const page = await node(nodes, round).scan({ limit: 7, cursor })
      for (const { id } of page.sessions) live.add(id)
      expect(page.sessions.filter(({ id }) => dead.includes(id))).toEqual([])
      dead = dead.concat(await churn)
      cursor = page.cursor
    } while (cursor !== null)
    expect(round).toBeGreaterThan(20)
    expect(staying.filter((n) => !live.has(sessionId(n)))).toEqual([])
  })

  it('of 100,000 sessions looks, for each page, at little more than the page: the primary key leads there', async () => {
    const store = await shared.fixture.opened()
    await store.create(newSession(1, { userId: 'ada', data: { cart: ['umbrella'] } }))
    await multiply(100_000)
    const client = new pg.Client({ connectionString: shared.server.url() })
    await client.connect()
    cleanUps.push(() => client.end())
    const pageFrom = (first_id: string) => blocksRead(client, JSON.stringify({ page: 50, first_id }))
    // The first call of a connection reads what the server knows of tables and functions.
    await pageFrom('')
    const blocks: number[] = []
    // More pages than it takes until the server stops planning for each anew.
    for (let n = 0; n < 20; n++) blocks.push(await pageFrom(`copy-${String(n * 5_000).padStart(6, '0')}`))
    const { rows } = await client.query("SELECT pg_relation_size('coatcheck.sessions') / 8192 AS whole")
    expect(Math.max(...blocks)).toBeLessThan(1_000)
    expect(Number(rows[0].whole)).toBeGreaterThan(5_000)
  })
})

/** A live session of another store. */
async function elsewhere(n: number, userId: string | null): Promise<Live> {
  const store = memory()
  await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
  const created = await store.create(newSession(n, { userId }))
  if (created.outcome !== 'ok') throw new Error(created.outcome)
  return created
}

function tombstoneOf({ record, now }: Live) {
  const { id, userId } = record
  return { id, endedAt: now, reason: 'logout', userId, replacedBy: null, replacedByUserId: null }
}

async function openNodes(count: number): Promise<readonly SessionStore[]> {
  const stores = Array.from({ length: count }, () => shared.fixture.opened())
  return Promise.all(stores)
}

function node(nodes: readonly SessionStore[], n: number): SessionStore {
  const store = nodes[n % nodes.length]
  if (!store) throw new Error('There must be a node.')
  return store
}

/** A store whose calls are made, and hold their locks, but take effect for others only with `commit`. */
async function uncommitted() {
  const client = new pg.Client({ connectionString: shared.server.url() })
  await client.connect()
  cleanUps.push(() => client.end())
  const pool: PgPool & { connect(): void } = { connect() {}, query: (query) => client.query(query) }
  const store = postgres(pool)
  await store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
  await client.query('BEGIN')
  return { store, commit: () => client.query('COMMIT') }
}

/** Resolves once that many calls wait for a lock that somebody else holds. */
async function somebodyWaits(calls = 1): Promise<void> {
  const text = "SELECT count(*)::integer AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
  for (;;) {
    const { rows } = await shared.admin.query(text)
    if (rows[0].waiting >= calls) return
  }
}

/** Ends some sessions, makes others, uses some, and answers with those that are over. */
async function stir(nodes: readonly SessionStore[], round: number): Promise<SessionId[]> {
  const leaving = sessionId((round % 60) * 4 + 3)
  const others = [
    node(nodes, round).create(newSession(1_000 + round)),
    node(nodes, round + 1).touch([{ id: sessionId(round), ago: 0 }]),
    node(nodes, round + 2).sweep({ limit: 5 }),
    node(nodes, round).adopt(await elsewhere(2_000 + round, `user-${round % 3}`), { ifEpoch: null }),
  ]
  await node(nodes, round + 1).end(leaving, { reason: 'logout' })
  await Promise.all(others)
  return [leaving]
}

/** Makes `count` sessions, every other one of them a tombstone, of the only one that there is. */
async function multiply(count: number): Promise<void> {
  const columns = `created_at, last_seen_at, idle_timeout, expires_at, due_at, authenticated_at, version, schema_version,
    revision, epoch_number, user_epoch, user_id, lifetime, transport, rotation, authentication, device, operation_ids, data`
  await shared.admin.query(`
    INSERT INTO coatcheck.sessions (id, ended_at, reason, ${columns})
    SELECT 'copy-' || lpad(n::text, 6, '0'), CASE WHEN n % 2 = 0 THEN created_at END, CASE WHEN n % 2 = 0 THEN 'logout' END, ${columns}
    FROM coatcheck.sessions, generate_series(0, ${count - 1}) n
  `)
}

/** Pages of the database that a page of the scan has looked at, in memory or not. */
async function blocksRead(client: pg.Client, page: string): Promise<number> {
  const text = `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT coatcheck.scan('${page}'::json)`
  const { rows } = await client.query(text)
  const plan = rows[0]['QUERY PLAN'][0].Plan
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
}
