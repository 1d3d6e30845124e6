import { type CoatcheckError, type ErrorCode, isCoatcheckError, StoreError } from '../../core/errors.ts'

/** What kind of call failed. A repeated `read` or `idempotent` call does no harm; a `read` leaves nothing behind either. */
export type CallKind = 'read' | 'idempotent' | 'once'

/** Whether the server rolled a transaction back in favour of another one, so that the same call may work now. */
export function isRolledBack(error: unknown): boolean {
  const state = sqlState(error)
  return state === '40001' || state === '40P01'
}

/** Whether the connection was lost with the call under way, so that nobody knows whether it was applied. */
export function isUnknown(error: unknown): boolean {
  return !isCoatcheckError(error) && !surelyNotApplied(error)
}

/** Whatever a driver threw, in our own terms. `applied` says whether an earlier attempt of the call may have been applied. */
export function toFailure(error: unknown, kind: CallKind, applied = false): CoatcheckError {
  if (isCoatcheckError(error)) return error
  const [code, message] = describe(error)
  const retryable = kind === 'read' || (!applied && surelyNotApplied(error))
  return new StoreError(code, message, { cause: withoutValues(error), retryable })
}

/** The five characters by which the server names a condition, or `null` where something else failed. */
export function sqlState(error: unknown): string | null {
  const code = codeOf(error)
  const isServers = (error as { severity?: unknown } | null)?.severity !== undefined
  return isServers && /^[0-9A-Z]{5}$/.test(code) ? code : null
}

type Description = readonly [code: ErrorCode, message: string]

const BY_STATE: Readonly<Record<string, Description>> = {
  '57014': [
    'ERR_STORE_TIMEOUT',
    'PostgreSQL cancelled a call of the session store, for instance by statement_timeout.',
  ],
  '55P03': [
    'ERR_STORE_LOCKED',
    'Another transaction holds rows of the session store locked for longer than lock_timeout.',
  ],
  '25000': [
    'ERR_STORE_UNAVAILABLE',
    "Transactions of the session store are not read committed; run: ALTER ROLE CURRENT_USER SET default_transaction_isolation = 'read committed'.",
  ],
  '25006': [
    'ERR_STORE_READ_ONLY',
    'The PostgreSQL server of the session store is a replica or read-only: connect to the primary.',
  ],
  '42501': [
    'ERR_STORE_READ_ONLY',
    'The PostgreSQL role of the session store lacks a privilege on its schema; docs/stores.md has the grants.',
  ],
  '53100': ['ERR_STORE_FULL', 'The disk of the PostgreSQL server behind the session store is full.'],
  '3F000': schemaMissing(),
  '42P01': schemaMissing(),
  '42703': schemaMissing(),
  '42883': schemaMissing(),
  XX001: damaged(),
  XX002: damaged(),
  '26000': preparedStatements(),
  '42P05': preparedStatements(),
  '53300': [
    'ERR_STORE_UNAVAILABLE',
    'PostgreSQL has no connection left for the session store: raise max_connections, or make the pools smaller.',
  ],
}

/** Conditions under which a server ends or refuses a connection before it has taken any statement. */
const REFUSED = /^(28|3D|53300|57P03)/

/** Codes of drivers and of the system for connections that were never made, or are not made any more. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EACCES',
  'CONNECT_TIMEOUT',
  'CONNECTION_ENDED',
])

/** What `pg` says without a code where a pool gave out no connection. */
const NO_CONNECTION =
  /^(timeout exceeded when trying to connect|Connection terminated due to connection timeout|Cannot use a pool after calling end)/

/** A statement that ends with an error of the server is rolled back; one that ends with its connection, who knows. */
function surelyNotApplied(error: unknown): boolean {
  const state = sqlState(error)
  if (state === null) return NOT_CONNECTED.has(codeOf(error)) || NO_CONNECTION.test(messageOf(error))
  if (REFUSED.test(state)) return true
  return severityOf(error) === 'ERROR' && !state.startsWith('08') && state !== '40003'
}

function describe(error: unknown): Description {
  const state = sqlState(error)
  const known = state === null ? undefined : BY_STATE[state]
  if (known) return known
  if (messageOf(error) === 'Query read timeout') {
    return [
      'ERR_STORE_TIMEOUT',
      'PostgreSQL did not answer a call of the session store within query_timeout.',
    ]
  }
  if (state !== null && severityOf(error) === 'ERROR') {
    return [
      'ERR_STORE_UNAVAILABLE',
      `PostgreSQL refused a call of the session store with SQLSTATE ${state}; the cause has the details.`,
    ]
  }
  return [
    'ERR_STORE_UNAVAILABLE',
    'The connection of the session store to PostgreSQL failed; the cause has the details.',
  ]
}

/** The driver's message without what drivers attach to it (statement, parameters) or the server quotes (values of rows). */
function withoutValues(error: unknown): Error {
  const state = sqlState(error)
  const quotesValues = state !== null && /^(22|23|P0)/.test(state)
  const text = quotesValues ? 'a value was refused' : messageOf(error)
  return new Error(state === null ? text : `${text} (SQLSTATE ${state})`)
}

function severityOf(error: unknown): unknown {
  const { severity, severity_local } = error as { severity?: unknown; severity_local?: unknown }
  return severity ?? severity_local
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : ''
}

/** Of several addresses that were tried, the first one's. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0])
  return error instanceof Error ? error.message : 'an unknown failure'
}

function schemaMissing(): Description {
  return [
    'ERR_STORE_SCHEMA',
    'The tables or functions of the session store are missing or of another version: was its schema dropped, or migrated by a newer coatcheck?',
  ]
}

function damaged(): Description {
  return ['ERR_STORE_CORRUPT', 'PostgreSQL found damaged data while it worked for the session store.']
}

function preparedStatements(): Description {
  return [
    'ERR_STORE_UNAVAILABLE',
    'Prepared statements do not survive a transaction pooler: create the client as postgres(url, { prepare: false }).',
  ]
}
