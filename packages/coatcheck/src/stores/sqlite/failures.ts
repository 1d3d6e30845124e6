import {
  type CoatcheckError,
  ConfigError,
  type ErrorCode,
  isCoatcheckError,
  StoreError,
} from '../../core/errors.ts'

/** Primary result codes of SQLite (https://sqlite.org/rescode.html) that mean something particular here. */
const BUSY = 5
const LOCKED = 6
const READ_ONLY = 8
const IO_ERROR = 10
const CORRUPT = 11
const FULL = 13
const NOT_A_DATABASE = 26

/** An error as it crosses from the writing thread: classes do not survive structured cloning. */
export interface FailureMessage {
  readonly config: boolean
  readonly code: ErrorCode
  readonly message: string
  readonly retryable: boolean
  /** What SQLite or the file system said. */
  readonly detail: string | null
}

/** A value in the file that this store cannot have written. */
export class DamagedValue extends Error {}

/** SQLite's primary result code of a thrown value, or `null` where something else failed. */
export function sqliteCode(error: unknown): number | null {
  const code = (error as { errcode?: unknown } | null | undefined)?.errcode
  return typeof code === 'number' ? code & 0xff : null
}

/** Whether another connection holds a lock that this one needs. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === BUSY || code === LOCKED
}

/** Whether the file may not or cannot grow. */
export function isFull(error: unknown): boolean {
  return sqliteCode(error) === FULL
}

/** Whether the disk may be full; SQLite calls it an I/O error where its shared memory finds no room. */
export function mayBeFull(error: unknown): boolean {
  return isFull(error) || sqliteCode(error) === IO_ERROR
}

/** What a full database answers to calls that need room. */
export function fullError(path: string): StoreError {
  const { code, message } = full(path)
  return new StoreError(code, message, { retryable: true })
}

/**
 * Whatever was thrown, in our own terms, naming the file. `retryable` says whether the operation surely was not
 * applied: true until a commit was attempted.
 */
export function toFailure(error: unknown, path: string, retryable: boolean): CoatcheckError {
  if (isCoatcheckError(error)) return error
  const { code, message } = describe(error, path)
  return new StoreError(code, message, { cause: error, retryable })
}

export function toFailureMessage(error: CoatcheckError): FailureMessage {
  const { cause } = error
  return {
    config: error instanceof ConfigError,
    code: error.code,
    message: error.message,
    retryable: error instanceof StoreError && error.retryable,
    detail: cause instanceof Error ? cause.message : null,
  }
}

export function fromFailureMessage(failure: FailureMessage): CoatcheckError {
  const cause = failure.detail === null ? {} : { cause: new Error(failure.detail) }
  if (failure.config) return new ConfigError(failure.code, failure.message, cause)
  return new StoreError(failure.code, failure.message, { ...cause, retryable: failure.retryable })
}

interface Description {
  readonly code: ErrorCode
  readonly message: string
}

const BY_SQLITE_CODE: Readonly<Record<number, (path: string) => Description>> = {
  [BUSY]: locked,
  [LOCKED]: locked,
  [READ_ONLY]: (path) => ({
    code: 'ERR_STORE_READ_ONLY',
    message: `The session database ${path} cannot be written: give this process write access to the file and its directory.`,
  }),
  [CORRUPT]: damaged,
  [NOT_A_DATABASE]: damaged,
  [FULL]: full,
}

const BY_SYSTEM_CODE: Readonly<Record<string, (path: string) => Description>> = {
  EACCES: (path) => ({
    code: 'ERR_STORE_READ_ONLY',
    message: `No permission for the session database ${path} or its directory.`,
  }),
  EPERM: (path) => ({
    code: 'ERR_STORE_READ_ONLY',
    message: `No permission for the session database ${path} or its directory.`,
  }),
  EROFS: (path) => ({
    code: 'ERR_STORE_READ_ONLY',
    message: `The session database ${path} is on a read-only file system.`,
  }),
  ENOSPC: full,
}

function describe(error: unknown, path: string): Description {
  if (error instanceof DamagedValue) return damaged(path)
  const code = sqliteCode(error)
  const known = code === null ? BY_SYSTEM_CODE[systemCode(error)] : BY_SQLITE_CODE[code]
  if (known) return known(path)
  return {
    code: 'ERR_STORE_UNAVAILABLE',
    message: `The session database ${path} failed; the cause has the details.`,
  }
}

function locked(path: string): Description {
  return {
    code: 'ERR_STORE_LOCKED',
    message: `Another program holds the session database ${path} locked for longer than lockTimeout.`,
  }
}

function full(path: string): Description {
  return {
    code: 'ERR_STORE_FULL',
    message: `The session database ${path} cannot grow: the disk or maxFileBytes is used up.`,
  }
}

function damaged(path: string): Description {
  return {
    code: 'ERR_STORE_CORRUPT',
    message: `The session database ${path} is damaged or not a SQLite database; restore a copy or move the file away, nothing was overwritten.`,
  }
}

function systemCode(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code
  return typeof code === 'string' ? code : ''
}
