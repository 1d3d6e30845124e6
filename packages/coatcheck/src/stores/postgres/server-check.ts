import { ConfigError, StoreError } from '../../core/errors.ts'
import type { RunStatement } from './client.ts'
import { toFailure } from './failures.ts'
import { latestVersion, quoted } from './migrations.ts'

/** Where the schema stands. */
export interface SchemaState {
  /** 0 where there are no tables of ours. */
  readonly version: number
  /** The role of the connection, for messages. */
  readonly role: string
}

export interface Expectations {
  readonly schema: string
  readonly unsafeAllowDataLoss: boolean
}

/** PostgreSQL 14; `server_version_num`. */
const OLDEST_VERSION = 140_000

/**
 * Looks at the server that the client reaches, which must be able to keep the store's promises, and at the schema.
 * Throws `ERR_STORE_SETTING` with the setting to change, or `ERR_STORE_SCHEMA` for tables that are not ours or newer.
 */
export async function checkServer(run: RunStatement, expected: Expectations): Promise<SchemaState> {
  const { schema } = expected
  const server = await ask<Server>(run, serverStatement(schema))
  const fault = settingFault(server, expected)
  if (fault !== null) throw new ConfigError('ERR_STORE_SETTING', fault)
  if (server.foreign) {
    throw schemaError(
      `The schema ${schema} has a table called sessions that is not of this store: give the store a schema of its own.`,
    )
  }
  const version = server.meta ? await ask<number>(run, versionStatement(schema)) : 0
  if (version > latestVersion()) {
    throw schemaError(
      `The schema ${schema} has version ${version}, but this version of coatcheck knows ${latestVersion()}: update coatcheck.`,
    )
  }
  return { version, role: server.role }
}

export function schemaError(message: string): StoreError {
  return new StoreError('ERR_STORE_SCHEMA', message, { retryable: true })
}

interface Server {
  readonly version: number
  readonly replica: boolean
  readonly readOnly: string
  readonly synchronousCommit: string
  readonly fsync: string
  readonly fullPageWrites: string
  readonly encoding: string
  readonly isolation: string
  readonly role: string
  readonly meta: boolean
  readonly foreign: boolean
}

/** Names only what every version that could be met has, so that an old server is refused for its age. */
function serverStatement(schema: string): string {
  const has = (table: string) => `to_regclass('${quoted(schema)}.${table}') IS NOT NULL`
  return `SELECT json_build_object(
    'version', current_setting('server_version_num')::integer,
    'replica', pg_is_in_recovery(),
    'readOnly', current_setting('transaction_read_only'),
    'synchronousCommit', current_setting('synchronous_commit'),
    'fsync', current_setting('fsync'),
    'fullPageWrites', current_setting('full_page_writes'),
    'encoding', current_setting('server_encoding'),
    'isolation', current_setting('transaction_isolation'),
    'role', current_user,
    'meta', ${has('meta')},
    'foreign', ${has('sessions')} AND NOT ${has('meta')}
  )::text`
}

function versionStatement(schema: string): string {
  return `SELECT schema_version::text FROM ${quoted(schema)}.meta`
}

/** One sentence about the first thing that does not do, with the command that changes it. */
function settingFault(server: Server, { unsafeAllowDataLoss }: Expectations): string | null {
  if (server.version < OLDEST_VERSION) {
    return `The session store needs PostgreSQL 14 or later; this server is ${Math.floor(server.version / 10_000)}.`
  }
  if (server.replica) {
    return 'This PostgreSQL server is a replica, which knows nothing of the latest logouts: connect to the primary.'
  }
  if (server.readOnly === 'on') {
    return 'Transactions of this role are read-only; run: ALTER ROLE CURRENT_USER SET default_transaction_read_only = off.'
  }
  if (server.encoding !== 'UTF8') {
    return `The database has the encoding ${server.encoding}; sessions need one made with ENCODING 'UTF8'.`
  }
  if (server.isolation !== 'read committed') {
    return `Transactions of this role are ${server.isolation}; run: ALTER ROLE CURRENT_USER SET default_transaction_isolation = 'read committed'.`
  }
  return unsafeAllowDataLoss ? null : durabilityFault(server)
}

function durabilityFault({ synchronousCommit, fsync, fullPageWrites }: Server): string | null {
  const otherwise = 'or accept the loss with unsafeAllowDataLoss'
  if (synchronousCommit === 'off') {
    return `With synchronous_commit = off a crash forgets logouts that were acknowledged; run: ALTER ROLE CURRENT_USER SET synchronous_commit = on, ${otherwise}.`
  }
  if (fsync === 'off') {
    return `With fsync = off a crash of the machine can destroy the database; run: ALTER SYSTEM SET fsync = on, ${otherwise}.`
  }
  if (fullPageWrites === 'off') {
    return `With full_page_writes = off a crash of the machine can damage pages; run: ALTER SYSTEM SET full_page_writes = on, ${otherwise}.`
  }
  return null
}

async function ask<T>(run: RunStatement, text: string): Promise<T> {
  try {
    const [row] = await run(text, [])
    return JSON.parse(String(row?.[0])) as T
  } catch (error) {
    throw toFailure(error, 'read')
  }
}
