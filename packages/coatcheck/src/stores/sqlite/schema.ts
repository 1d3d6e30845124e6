import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../../core/errors.ts'
import { rollBack, scalar } from './query.ts'

/** Marks a database as ours (`PRAGMA application_id`): the letters COAT. */
export const APPLICATION_ID = 0x434f4154

/** One step of the schema, from the version before to its own. Never edited once released; numbered from 1 without gaps. */
export interface Migration {
  readonly version: number
  readonly sql: string
}

/**
 * Instants and durations are REAL: they are JavaScript numbers, also with fractions, and come back as they were. Values
 * that only the library reads are JSON, in which every string, lone surrogates included, survives.
 *
 * Ended sessions move to a table of their own, so that no UPDATE can make one live again, and the trigger refuses an id
 * that has a tombstone to whatever statement or tool tries.
 */
const INITIAL = `
  CREATE TABLE epochs (
    number INTEGER PRIMARY KEY,
    nonce TEXT NOT NULL,
    reason TEXT, -- null: the current epoch, the one with the highest number
    ended_at REAL
  ) STRICT;

  CREATE TABLE users (
    user_id TEXT PRIMARY KEY,
    epoch TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE user_ends (
    user_id TEXT PRIMARY KEY,
    epoch TEXT NOT NULL, -- the user's new one: rows of sessions with another are over, and not removed yet
    reason TEXT NOT NULL,
    ended_at REAL NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE sessions (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user_id TEXT,
    replaces TEXT,
    created_at REAL NOT NULL,
    authenticated_at REAL,
    last_seen_at REAL NOT NULL,
    idle_timeout REAL NOT NULL,
    expires_at REAL NOT NULL,
    deadline REAL NOT NULL GENERATED ALWAYS AS (min(last_seen_at + idle_timeout, expires_at)) VIRTUAL,
    lifetime TEXT NOT NULL,
    transport TEXT NOT NULL,
    authentication TEXT NOT NULL,
    device TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    rotation TEXT NOT NULL,
    epoch_number INTEGER NOT NULL,
    user_epoch TEXT,
    operation_ids TEXT NOT NULL, -- of the latest writes, newest last
    data TEXT NOT NULL
  ) STRICT;
  CREATE INDEX sessions_of_user ON sessions (user_id, created_at, id) WHERE user_id IS NOT NULL;
  CREATE INDEX sessions_by_deadline ON sessions (epoch_number, deadline);

  CREATE TABLE tombstones (
    id TEXT PRIMARY KEY,
    ended_at REAL NOT NULL,
    reason TEXT NOT NULL,
    user_id TEXT,
    replaced_by TEXT,
    replaced_by_user_id TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tombstones_by_age ON tombstones (ended_at);

  CREATE TRIGGER dead_stays_dead BEFORE INSERT ON sessions
  WHEN EXISTS (SELECT 1 FROM tombstones WHERE id = NEW.id)
  BEGIN
    SELECT RAISE(ABORT, 'this session has ended');
  END;

  INSERT INTO epochs (number, nonce) VALUES (1, lower(hex(randomblob(9))));
`

/** What the other processes' caches read. The numbers have no gaps, and only the oldest are removed. */
const CHANGES = `
  CREATE TABLE changes (
    number INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL, -- 0: of a session, 1: of all of a user's, 2: of everyone's
    subject TEXT NOT NULL
  ) STRICT;
`

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, sql: INITIAL },
  { version: 2, sql: CHANGES },
]

/**
 * Brings the schema up to the latest of `migrations` in one exclusive transaction, so that of several processes that
 * start at once one does it and the others find it done. The caller waits for locks.
 *
 * Throws `ERR_STORE_SCHEMA` for a newer schema or another program's database, and leaves it as it is.
 */
export function migrate(database: DatabaseSync, path: string, migrations = MIGRATIONS): void {
  if (assertOurs(database, path, migrations) === latest(migrations)) return
  inTransaction(database, 'EXCLUSIVE', () => {
    const version = readVersion(database, path, migrations)
    for (const migration of migrations) {
      if (migration.version > version) database.exec(migration.sql)
    }
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    database.exec(`PRAGMA user_version = ${latest(migrations)}`)
  })
}

/** Version of the schema in the file, 0 for an empty database. Throws `ERR_STORE_SCHEMA` as `migrate` does. */
export function assertOurs(database: DatabaseSync, path: string, migrations = MIGRATIONS): number {
  // One snapshot: another process may be making the schema between two looks.
  return inTransaction(database, 'DEFERRED', () => readVersion(database, path, migrations))
}

/** Throws `ERR_STORE_SCHEMA` when another process has migrated the file since it was opened. */
export function assertSchemaUnchanged(version: number, path: string): void {
  if (version !== latest(MIGRATIONS)) throw newerSchema(path, version, latest(MIGRATIONS))
}

function inTransaction<T>(database: DatabaseSync, kind: 'EXCLUSIVE' | 'DEFERRED', work: () => T): T {
  database.exec(`BEGIN ${kind}`)
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    rollBack(database)
    throw error
  }
}

function readVersion(database: DatabaseSync, path: string, migrations: readonly Migration[]): number {
  const application = Number(scalar(database, 'PRAGMA application_id'))
  const version = Number(scalar(database, 'PRAGMA user_version'))
  const isEmpty = application === 0 && version === 0 && !hasTables(database)
  if (!isEmpty && application !== APPLICATION_ID) {
    throw new StoreError(
      'ERR_STORE_SCHEMA',
      `${path} is a database of another program (application id ${application}): give the sessions a file of their own.`,
      { retryable: true },
    )
  }
  if (version > latest(migrations)) throw newerSchema(path, version, latest(migrations))
  return version
}

function newerSchema(path: string, found: number, known: number): StoreError {
  return new StoreError(
    'ERR_STORE_SCHEMA',
    `The session database ${path} has schema version ${found}, but this version of coatcheck knows ${known}: update coatcheck.`,
    { retryable: true },
  )
}

function latest(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0
}

function hasTables(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() !== undefined
}
