/** Every error of ours has one of these codes; `docs/errors.md` has a section for each. */
export type ErrorCode =
  // ConfigError: construction
  | 'ERR_OPTION'
  | 'ERR_KEYS_MISSING'
  | 'ERR_KEYS_INVALID'
  | 'ERR_PLATFORM'
  | 'ERR_PEER_MISSING'
  | 'ERR_STORE_SETTING'
  // UsageError: a call that cannot be right
  | 'ERR_USAGE'
  | 'ERR_NO_SESSION_CONTEXT'
  | 'ERR_COMMITTED'
  | 'ERR_HEADERS_SENT'
  | 'ERR_INSECURE_TRANSPORT'
  | 'ERR_CLOSED'
  // DataError: values for the session's data
  | 'ERR_FIELD_UNKNOWN'
  | 'ERR_FIELD_INVALID'
  | 'ERR_FIELD_TYPE'
  | 'ERR_DATA_TOO_LARGE'
  | 'ERR_CONFLICT'
  // AccessError: a request that is refused
  | 'ERR_UNAUTHENTICATED'
  | 'ERR_STEP_UP_REQUIRED'
  | 'ERR_CSRF'
  | 'ERR_AMBIGUOUS_TOKEN'
  | 'ERR_HEADER_TOO_LARGE'
  | 'ERR_SESSION_GONE'
  | 'ERR_SESSION_LIMIT'
  | 'ERR_LOGIN_STALE'
  | 'ERR_SCOPE'
  | 'ERR_RATE_LIMITED'
  | 'ERR_DPOP_PROOF'
  // StoreError: a part that failed
  | 'ERR_STORE_UNAVAILABLE'
  | 'ERR_STORE_CLOSED'
  | 'ERR_STORE_LOCKED'
  | 'ERR_STORE_READ_ONLY'
  | 'ERR_STORE_CORRUPT'
  | 'ERR_STORE_SCHEMA'
  | 'ERR_STORE_FULL'
  | 'ERR_STORE_FILESYSTEM'
  | 'ERR_STORE_TIMEOUT'
  | 'ERR_NOT_DURABLE'
  | 'ERR_KEYS_UNAVAILABLE'

/** HTTP status per code for adapters and error handlers; anything else is a 500. */
export const HTTP_STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  ERR_UNAUTHENTICATED: 401,
  ERR_STEP_UP_REQUIRED: 401,
  ERR_CSRF: 403,
  ERR_AMBIGUOUS_TOKEN: 400,
  ERR_HEADER_TOO_LARGE: 431,
  ERR_SESSION_GONE: 401,
  ERR_SESSION_LIMIT: 403,
  ERR_LOGIN_STALE: 409,
  ERR_SCOPE: 403,
  ERR_RATE_LIMITED: 429,
  ERR_DPOP_PROOF: 401,
  ERR_CONFLICT: 409,
  ERR_DATA_TOO_LARGE: 413,
  ERR_STORE_UNAVAILABLE: 503,
  ERR_STORE_CLOSED: 503,
  ERR_STORE_LOCKED: 503,
  ERR_STORE_READ_ONLY: 503,
  ERR_STORE_CORRUPT: 503,
  ERR_STORE_SCHEMA: 503,
  ERR_STORE_FULL: 503,
  ERR_STORE_FILESYSTEM: 503,
  ERR_STORE_TIMEOUT: 503,
  ERR_NOT_DURABLE: 503,
  ERR_KEYS_UNAVAILABLE: 503,
}

const BRAND = Symbol.for('coatcheck.error')

/** Base of all errors of ours. `isCoatcheckError` recognises it across copies of the package. */
export class CoatcheckError extends Error {
  readonly code: ErrorCode
  /** HTTP status that frameworks' error handlers read. */
  readonly status: number
  /** Whether the message may be shown to the remote caller (http-errors convention). Ours never names secrets, but a store's trouble is nobody else's business. */
  readonly expose: boolean

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = new.target.name
    this.code = code
    this.status = HTTP_STATUS[code] ?? 500
    this.expose = this.status < 500
  }

  get [BRAND](): true {
    return true
  }

  /** The same as `status`, under the name that Koa, Fastify and others read. */
  get statusCode(): number {
    return this.status
  }
}

/** Options, keys or environment that cannot work; thrown at construction or when the sessions are opened. */
export class ConfigError extends CoatcheckError {}

/** A call that cannot be right, thrown before any I/O. */
export class UsageError extends CoatcheckError {}

/** A value that does not fit the session's data. */
export class DataError extends CoatcheckError {}

/** A request that is refused: answer with `status`. */
export class AccessError extends CoatcheckError {}

/** A store that failed. `retryable` is true where the operation surely was not applied. */
export class StoreError extends CoatcheckError {
  readonly retryable: boolean

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly retryable: boolean },
  ) {
    super(code, message, options)
    this.retryable = options.retryable
  }
}

/** Whether `error` is one of ours, also from another copy of the package. */
export function isCoatcheckError(error: unknown): error is CoatcheckError {
  return typeof error === 'object' && error !== null && (error as { [BRAND]?: true })[BRAND] === true
}
