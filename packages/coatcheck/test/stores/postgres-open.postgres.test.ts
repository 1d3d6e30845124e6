import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { newSession, replaceOptions, sessionId } from '../../src/store-testing/fixtures.ts'
import { toRunStatement } from '../../src/stores/postgres/client.ts'
import { newSessionParameters } from '../../src/stores/postgres/data-writes.ts'
import { Database } from '../../src/stores/postgres/database.ts'
import { latestVersion, MIGRATIONS, migrationSql } from '../../src/stores/postgres/migrations.ts'
import { type PostgresOptions, postgres, postgresMigration } from '../../src/stores/postgres.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { setUpPostgres } from './postgres-fixture.ts'
import { openClient } from './postgres-harness.ts'

const shared = setUpPostgres()
const CONTEXT = { environment: new FakeEnvironment(), tombstoneRetention: 3_600_000 }

describe('STO-09 the tables', () => {
  it.each(['pg', 'postgres'] as const)(
    'are made once by eight nodes that start at once, through %s',
    async (driver) => {
      const schema = `started_by_${driver}`
      const clients = Array.from({ length: 8 }, () => openClient(driver, shared.server.url(), { max: 1 }))
      const stores = clients.map(({ client }) => postgres(client, { schema }))
      await Promise.all(stores.map((store) => store.open(CONTEXT)))
      const created = await Promise.all(stores.map((store, i) => store.create(newSession(i))))
      expect(created.map(({ outcome }) => outcome)).toEqual(Array(8).fill('ok'))
      expect(await rows(`SELECT schema_version FROM ${schema}.meta`)).toEqual([
        { schema_version: latestVersion() },
      ])
      await Promise.all(clients.map((client) => client.end()))
    },
  )

  it('are made once, also where a node has looked for them in vain before it waits for another that makes them', async () => {
    const connectionString = shared.server.url()
    const [one, other] = [new pg.Client({ connectionString }), new pg.Client({ connectionString })]
    await Promise.all([one.connect(), other.connect()])
    const look = `SELECT to_regnamespace('"awaited"') AS found`
    expect((await other.query(look)).rows).toEqual([{ found: null }])
    await one.query('BEGIN')
    await one.query(migrationSql('awaited'))
    const waiting = other.query(migrationSql('awaited'))
    const waiters = `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`
    await expect.poll(() => rows(waiters)).toEqual([{ n: 1 }])
    await one.query('COMMIT')
    await waiting
    expect(await rows('SELECT schema_version FROM awaited.meta')).toEqual([
      { schema_version: latestVersion() },
    ])
    await Promise.all([one.end(), other.end()])
  })

  it('of an older version are brought up to date, and what they hold stays', async () => {
    const older = [
      { version: 1, sql: 'CREATE TABLE {s}.first (n integer); INSERT INTO {s}.first VALUES (7)' },
    ]
    const newer = [...older, { version: 2, sql: 'ALTER TABLE {s}.first ADD COLUMN m integer DEFAULT 8' }]
    await shared.admin.query(migrationSql('migrated', older))
    await shared.admin.query(migrationSql('migrated', newer))
    await shared.admin.query(migrationSql('migrated', newer))
    expect(await rows('SELECT * FROM migrated.first')).toEqual([{ n: 7, m: 8 }])
    expect(await rows('SELECT * FROM migrated.meta')).toEqual([{ schema_version: 2 }])
  })

  it.each(MIGRATIONS.map(({ version }) => version).slice(0, -1))(
    'of version %i are brought up to date by open, and their sessions live on, tombstones too',
    async (version) => {
      const schema = `since_version_${version}`
      await shared.admin.query(migrationSql(schema, MIGRATIONS.slice(0, version)))
      const older = new Database(toRunStatement(shared.fixture.client()), schema)
      for (const n of [1, 2]) {
        const session = { ...newSessionParameters(newSession(n)), data: '{}', require_old: false }
        await older.call('replace', 'once', [JSON.stringify(session)])
      }
      await older.call('end_session', 'once', [
        JSON.stringify({ id: sessionId(2), reason: 'logout', follow: false }),
      ])
      const store = postgres(shared.fixture.client(), { schema })
      await store.open(CONTEXT)
      expect(await store.scan({ limit: 10, cursor: null })).toMatchObject({
        sessions: [{ id: sessionId(1) }],
        tombstones: [{ id: sessionId(2), reason: 'logout' }],
        cursor: null,
      })
      await store.close()
    },
  )

  it('are as before where a migration fails half-way', async () => {
    const broken = [{ version: 1, sql: 'CREATE TABLE {s}.half (n integer); SELECT 1 / 0' }]
    await expect(shared.admin.query(migrationSql('broken', broken))).rejects.toThrow('division by zero')
    expect(await rows("SELECT 1 FROM pg_namespace WHERE nspname = 'broken'")).toEqual([])
  })

  it('of a newer version are refused and left alone', async () => {
    await shared.admin.query(postgresMigration({ schema: 'newer' }))
    await shared.admin.query(`UPDATE newer.meta SET schema_version = ${latestVersion() + 1}`)
    const versions = `version ${latestVersion() + 1}, but .* knows ${latestVersion()}: update coatcheck`
    await expectFailure({ schema: 'newer' }, 'ERR_STORE_SCHEMA', new RegExp(versions))
    await shared.admin.query(migrationSql('newer'))
    expect(await rows('SELECT * FROM newer.meta')).toEqual([{ schema_version: latestVersion() + 1 }])
  })

  it('of another program are refused and left alone', async () => {
    await shared.admin.query('CREATE SCHEMA foreign_one; CREATE TABLE foreign_one.sessions (sid text)')
    await expectFailure({ schema: 'foreign_one' }, 'ERR_STORE_SCHEMA', /give the store a schema of its own/)
    expect(await rows('SELECT * FROM foreign_one.sessions')).toEqual([])
  })

  it('are only checked with migrate: false, which says what to run', async () => {
    const options = { schema: 'by_hand', migrate: false }
    await expectFailure(options, 'ERR_STORE_SCHEMA', /postgresMigration\(\{ schema: 'by_hand' \}\).*psql/)
    expect(await rows("SELECT 1 FROM pg_namespace WHERE nspname = 'by_hand'")).toEqual([])
    await shared.admin.query(postgresMigration({ schema: 'by_hand' }))
    const store = postgres(shared.fixture.client(), options)
    await store.open(CONTEXT)
    expect(await store.health()).toEqual({ ok: true })
    await store.close()
  })

  it('work for a role that was granted what the documentation says, and no more', async () => {
    await shared.admin.query(postgresMigration({ schema: 'granted' }))
    await shared.admin.query(`
      CREATE ROLE app LOGIN;
      GRANT USAGE ON SCHEMA granted TO app;
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA granted TO app;
    `)
    const pool = new pg.Pool({ connectionString: shared.server.url('postgres', 'app') })
    const store = postgres(pool, { schema: 'granted' })
    await store.open(CONTEXT)
    expect((await store.create(newSession(1, { userId: 'ada' }))).outcome).toBe('ok')
    expect((await store.endUser('ada', { reason: 'revoked' })).ended).toHaveLength(1)
    await store.endEveryone({ reason: 'breach' })
    await store.sweep({ limit: 10 })
    await store.close()
    await pool.end()
  })

  it('cannot be made by a role without privileges, which is told what an administrator has to run', async () => {
    await shared.admin.query('CREATE ROLE "o""dd" LOGIN')
    const pool = new pg.Pool({ connectionString: shared.server.url('postgres', encodeURIComponent('o"dd')) })
    const store = postgres(pool, { schema: 'forbidden' })
    const error = await store.open(CONTEXT).catch((failure: unknown) => failure)
    expect(error).toMatchObject({
      code: 'ERR_STORE_SETTING',
      message: expect.stringContaining('CREATE SCHEMA IF NOT EXISTS "forbidden" AUTHORIZATION "o""dd"'),
    })
    const [, command = ''] = /administrator: (.*)\.$/.exec((error as Error).message) ?? []
    await shared.admin.query(command)
    await store.open(CONTEXT)
    expect((await store.create(newSession(1))).outcome).toBe('ok')
    await store.close()
    await pool.end()
  })
})

describe('a server that cannot keep the promises is refused with the setting to change', () => {
  it.each([
    ['synchronous_commit', 'off', 'ALTER ROLE CURRENT_USER SET synchronous_commit = on'],
    ['default_transaction_isolation', 'serializable', "default_transaction_isolation = 'read committed'"],
    ['default_transaction_isolation', 'repeatable read', "default_transaction_isolation = 'read committed'"],
    ['default_transaction_read_only', 'on', 'default_transaction_read_only = off'],
  ])('%s = %s', async (setting, value, remedy) => {
    const pool = poolWith(`-c ${setting}=${value.replaceAll(' ', '\\ ')}`)
    const error = await postgres(pool)
      .open(CONTEXT)
      .catch((failure: unknown) => failure)
    expect(error).toMatchObject({ name: 'ConfigError', code: 'ERR_STORE_SETTING' })
    expect((error as Error).message).toContain(remedy)
    await pool.end()
  })

  it('also where transactions become something else than read committed later: a login could miss another one', async () => {
    const pool = new pg.Pool({ connectionString: shared.server.url(), max: 1 })
    const store = postgres(pool)
    await store.open(CONTEXT)
    await pool.query("SET default_transaction_isolation = 'repeatable read'")
    const login = store.replace(null, newSession(1, { userId: 'ada' }), replaceOptions('login'))
    await expect(login).rejects.toMatchObject({ message: /default_transaction_isolation = 'read committed'/ })
    await store.close()
    await pool.end()
  })

  it('unless unsafeAllowDataLoss accepts that logouts may be forgotten', async () => {
    const pool = poolWith('-c synchronous_commit=off')
    const store = postgres(pool, { unsafeAllowDataLoss: true })
    await store.open(CONTEXT)
    expect(await store.health()).toEqual({ ok: true })
    await store.close()
    await pool.end()
  })

  it('a database with another encoding', async () => {
    await shared.admin.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    const pool = new pg.Pool({ connectionString: shared.server.url('latin') })
    await expect(postgres(pool).open(CONTEXT)).rejects.toThrow(/encoding LATIN1/)
    await pool.end()
  })
})

describe('the store and its client', () => {
  it('part when the store is closed: the client stays open', async () => {
    const pool = new pg.Pool({ connectionString: shared.server.url() })
    const store = postgres(pool)
    await store.open(CONTEXT)
    await store.close()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await pool.end()
  })

  it('understand each other whatever types and names the driver was taught to convert', async () => {
    const types = { getTypeParser: () => () => 'converted' }
    const pool = new pg.Pool({
      connectionString: shared.server.url(),
      types: { getTypeParser: (oid: number) => (oid === 25 ? String : types.getTypeParser()) },
    } as pg.PoolConfig)
    const store = postgres(pool)
    await store.open(CONTEXT)
    const session = newSession(1, { data: { n: 1.5, list: [] } })
    await store.create(session)
    expect(await store.find(sessionId(1))).toMatchObject({
      status: 'live',
      record: { data: { n: 1.5, list: [] } },
    })
    await store.close()
    await pool.end()
  })

  it('may be another after a failed start: open can be repeated', async () => {
    await shared.admin.query('CREATE SCHEMA busy; CREATE TABLE busy.sessions (sid text)')
    const store = postgres(shared.fixture.client(), { schema: 'busy' })
    await expect(store.open(CONTEXT)).rejects.toThrow(/schema of its own/)
    await shared.admin.query('DROP TABLE busy.sessions')
    await store.open(CONTEXT)
    expect(await store.health()).toEqual({ ok: true })
    await store.close()
  })
})

async function rows(text: string): Promise<unknown[]> {
  return (await shared.admin.query(text)).rows
}

function poolWith(options: string): pg.Pool {
  return new pg.Pool({ connectionString: shared.server.url(), options })
}

async function expectFailure(options: PostgresOptions, code: string, message: RegExp): Promise<void> {
  const store = postgres(shared.fixture.client(), options)
  const error = await store.open(CONTEXT).catch((failure: unknown) => failure)
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
}
