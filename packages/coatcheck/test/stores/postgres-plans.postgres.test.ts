import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { mutateOptions, newSession, replaceOptions, sessionId } from '../../src/store-testing/fixtures.ts'
import { type PgPool, postgres } from '../../src/stores/postgres.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { setUpPostgres } from './postgres-fixture.ts'
import { RETENTION, SCHEMA } from './postgres-harness.ts'

// Nothing but the test decides what the planner knows of the tables.
const shared = setUpPostgres({ settings: { autovacuum: 'off' } })

/** After five times a connection keeps the plan of a statement. */
const TURNS = 8
const FEW = 50
const MANY = 5_000
/** Fewer than there are sessions even where these are few, and more than any call has to do with. */
const LITTLE = 25

/** In this order, on a user of their own, whoever else is there. */
const CALLS: Readonly<Record<string, (store: SessionStore, n: number) => Promise<unknown>>> = {
  'a look': async (store, n) => store.find(sessionId(n)),
  'a use': (store, n) => store.touch([{ id: sessionId(n), ago: 0 }]),
  'a mutate': (store, n) =>
    store.mutate(sessionId(n), [{ kind: 'set', field: 'a', value: n }], mutateOptions(`mutate-${n}`)),
  'a step-up': (store, n) =>
    store.replace(sessionId(n), user(n, 1), replaceOptions('step-up', { carry: ['a'] })),
  'a login': (store, n) =>
    store.replace(
      null,
      user(n, 2),
      replaceOptions('login', { limit: { count: 2, onLimit: 'evict-oldest' } }),
    ),
  'a login that evicts': (store, n) =>
    store.replace(null, user(n, 3), replaceOptions('login', { limit: { count: 2, onLimit: 'evict-idle' } })),
  'a list': (store, n) => store.list(`user-${n}`, { limit: 5, cursor: null }),
  'an end': (store, n) => store.end(user(n, 3).id, { reason: 'logout', follow: true }),
  'an end of a user': (store, n) => store.endUser(`user-${n}`, { reason: 'logout' }),
  'a sweep': (store) => store.sweep({ limit: 10 }),
  'a sweep that finds nothing': (store) => store.sweep({ limit: 10 }),
  'an end of a user who has no session': (store, n) => store.endUser(`user-${n}`, { reason: 'logout' }),
}

let client: pg.Client

beforeEach(async () => {
  client = new pg.Client(shared.server.url())
  await client.connect()
})

afterEach(() => client.end())

describe.each([
  ['was never analysed', async () => {}],
  ['was analysed', async () => void (await shared.admin.query('ANALYZE'))],
])('a table that %s', (_what, prepare) => {
  it('costs each call next to nothing, with 50 live sessions and on the same connection with 5,000', async () => {
    const counted = countedStore()
    await counted.store.open({ environment: new FakeEnvironment(), tombstoneRetention: RETENTION })
    await fill(1, FEW)
    await prepare()
    const few = await costs(counted, 1_000_000)
    await fill(FEW + 1, MANY)
    const grown = await costs(counted, 2_000_000)
    await prepare()
    const many = await costs(counted, 3_000_000)
    expect({ few, grown, many }).toEqual({ few: small(few), grown: small(grown), many: small(many) })
    expect(total(few['a look'])).toBeGreaterThan(0)
  })
})

/** Index entries that were read, by index, and rows that were read without one, by table. */
type Cost = Readonly<Record<string, number>>

interface Counted {
  readonly store: SessionStore
  /** What its calls have cost since the last time that this was asked. */
  taken(): Cost
}

/** A store with one connection, on which each call is followed by a look at the server's counters for its transaction. */
function countedStore(): Counted {
  let counts: Record<string, number> = {}
  const pool: PgPool & { connect(): void } = {
    connect() {},
    async query(query) {
      await client.query('BEGIN')
      const before = await counters()
      const answer = await client.query(query)
      const after = await counters()
      await client.query('COMMIT')
      for (const [name, read] of after) {
        const more = read - (before.get(name) ?? 0)
        if (more > 0) counts[name] = (counts[name] ?? 0) + more
      }
      return answer
    },
  }
  const taken = () => {
    const before = counts
    counts = {}
    return before
  }
  return { store: postgres(pool), taken }
}

async function counters(): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ name: string; read: string }>(COUNTERS)
  return new Map(rows.map(({ name, read }) => [name, Number(read)]))
}

const COUNTERS = `
  SELECT relname AS name, pg_stat_get_xact_tuples_returned(oid) AS read FROM pg_class
  WHERE relnamespace = '${SCHEMA}'::regnamespace AND relname ~ '^(sessions|tombstones|users|user_ends)'
    AND relkind IN ('r', 'i') AND pg_stat_get_xact_tuples_returned(oid) > 0`

async function costs({ store, taken }: Counted, first: number): Promise<Record<string, Cost>> {
  const all: Record<string, Cost> = {}
  for (let n = first; n < first + TURNS; n++) {
    await store.create(user(n, 0))
    for (const [name, call] of Object.entries(CALLS)) {
      taken()
      await call(store, n)
      all[name] = taken()
    }
  }
  return all
}

/** Those costs that are as they should be. */
function small(all: Readonly<Record<string, Cost>>): Record<string, Cost> {
  return Object.fromEntries(Object.entries(all).filter(([, cost]) => total(cost) < LITTLE))
}

function total(cost: Cost = {}): number {
  return Object.values(cost).reduce((sum, count) => sum + count, 0)
}

function user(n: number, session: number) {
  return newSession(session * 10_000_000 + n, { userId: `user-${n}` })
}

/** Live sessions of as many users. */
async function fill(from: number, to: number): Promise<void> {
  await shared.admin.query(`
    INSERT INTO ${SCHEMA}.users (user_id) SELECT 'filled-' || n FROM generate_series(${from}, ${to}) n;
    INSERT INTO ${SCHEMA}.sessions (
      created_at, last_seen_at, idle_timeout, expires_at, due_at, version, schema_version, revision, epoch_number,
      user_epoch, id, user_id, lifetime, transport, rotation, operation_ids, data
    )
    SELECT c.ms, c.ms, 1e6, c.ms + 1e7, c.ms + 1e6 + n, 0, 1, 0, 1, u.epoch, md5(n::text), u.user_id, 'default', 'cookie',
      '{}', '{}', '{}'
    FROM generate_series(${from}, ${to}) n, ${SCHEMA}.test_clock c, ${SCHEMA}.users u WHERE u.user_id = 'filled-' || n`)
}
