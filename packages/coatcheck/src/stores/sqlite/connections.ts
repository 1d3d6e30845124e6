import { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../../core/errors.ts'
import { prepareFile } from './database-file.ts'
import { waitForLock } from './lock-wait.ts'
import { scalar } from './query.ts'
import { assertOurs, migrate } from './schema.ts'

/** What the writing side needs to know; crosses to its thread. */
export interface DatabaseSettings {
  /** Absolute, or `:memory:`. */
  readonly path: string
  /** Milliseconds to wait for another process that holds the file. */
  readonly lockTimeout: number
  readonly maxFileBytes: number | null
  /** Milliseconds that tombstones are kept. */
  readonly tombstoneRetention: number
  readonly allowNetwork: boolean
}

export const MEMORY = ':memory:'

/** Kilobytes of pages that each connection keeps in memory. */
const CACHE_KILOBYTES = 8_192

/**
 * For both connections. Damaged pages are noticed when read; functions and virtual tables named by a schema that
 * somebody tampered with do not run.
 */
const SAFETY = `
  PRAGMA cell_size_check = ON;
  PRAGMA trusted_schema = OFF;
  PRAGMA cache_size = -${CACHE_KILOBYTES};
`

/**
 * - `synchronous = FULL` (and `fullfsync`, which macOS needs for the same): a commit is on the disk before it is
 *   acknowledged.
 * - `secure_delete = ON`: what is deleted is overwritten with zeros, whole freed pages included, which FAST would leave.
 *   So the data of an ended session is gone from the file at the next checkpoint; old frames stay in the write-ahead log
 *   until it is written over or the store is closed.
 * - `wal_autocheckpoint = 0`: checkpoints run between groups, after the answers have left, not inside a commit.
 */
const WRITING = `
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  PRAGMA checkpoint_fullfsync = ON;
  PRAGMA secure_delete = ON;
  PRAGMA temp_store = MEMORY;
  PRAGMA wal_autocheckpoint = 0;
`

/** The connection that writes, with the schema in place. Blocks while it waits for locks. */
export function openWriter(settings: DatabaseSettings): DatabaseSync {
  const { path, lockTimeout, allowNetwork } = settings
  if (path === MEMORY) return connect(path)
  prepareFile(path, { allowNetwork })
  // Of processes that start at once one makes the schema, and any step of the others may meet its locks.
  return waitForLock(lockTimeout, () => {
    probe(path)
    return connect(path)
  })
}

/** The connection that reads, on a file that a writer has opened. Never waits for a lock. */
export function openReader(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true })
  database.exec(SAFETY)
  return database
}

function connect(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  try {
    database.exec(SAFETY)
    if (path !== MEMORY) useWriteAheadLog(database, path)
    database.exec(WRITING)
    migrate(database, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Looks at what is there without being able to write, so that a file that is not ours stays as it is. */
function probe(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    assertOurs(database, path)
  } finally {
    database.close()
  }
}

function useWriteAheadLog(database: DatabaseSync, path: string): void {
  const mode = scalar(database, 'PRAGMA journal_mode = WAL')
  if (mode === 'wal') return
  throw new StoreError(
    'ERR_STORE_FILESYSTEM',
    `The file system of the session database ${path} does not support SQLite's write-ahead log (journal mode stayed ${mode}).`,
    { retryable: true },
  )
}
