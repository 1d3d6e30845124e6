import { type ErrorCode, isCoatcheckError, StoreError } from '../../core/errors.ts'

/** Whether the server has forgotten the script: it was restarted, or its scripts were flushed. */
export function isUnknownScript(error: unknown): boolean {
  return errorWord(error) === 'NOSCRIPT'
}

/** Whether a slot is on the move, so that its keys lie on two nodes for the moment. */
export function isMoving(error: unknown): boolean {
  const word = errorWord(error)
  return word === 'TRYAGAIN' || word === 'ASK' || word === 'MOVED' || hasGivenUpMoving(error)
}

/** ioredis tries such a call 16 times by itself, and wraps what the server said last. It was applied none of those times. */
function hasGivenUpMoving(error: unknown): boolean {
  return (
    error instanceof Error && /^Too many Cluster redirections\. .*(TRYAGAIN|ASK|MOVED) /.test(error.message)
  )
}

/** Whether the server does not let this user do it, or nobody. */
export function isNotPermitted(error: unknown): boolean {
  return (
    error instanceof Error && /^NOPERM|user executing the script|unknown (sub)?command/i.test(error.message)
  )
}

/** Whatever a driver has thrown, in our own terms. `retryable` where the server has said that it did nothing. */
export function toStoreError(error: unknown): StoreError {
  if (isCoatcheckError(error)) return error as StoreError
  const message = error instanceof Error ? error.message : String(error)
  const known = REFUSALS[errorWord(error)]
  if (known) return new StoreError(known.code, known.message, { cause: error, retryable: true })
  if (/Bad data format|Missing bytes|attempt to (index|compare|perform|concatenate|call)/.test(message)) {
    return corrupt(error)
  }
  // node-redis refuses what a client is told before it was connected or after it was closed.
  const closed = /^The client is closed/.test(message)
  return new StoreError(
    'ERR_STORE_UNAVAILABLE',
    closed
      ? 'The Redis client is not connected: connect it first.'
      : 'Redis failed; the cause has the details.',
    { cause: error, retryable: closed },
  )
}

/** For one of several calls that make up an operation: where it fails, the others may have been applied. */
export function inPart(error: unknown): never {
  if (!(error instanceof StoreError) || !error.retryable) throw error
  throw new StoreError(error.code, error.message, { cause: error.cause, retryable: false })
}

/** The error for what this store cannot have written or answered. */
export function corrupt(cause: unknown): StoreError {
  return new StoreError(
    'ERR_STORE_CORRUPT',
    'Redis holds something under the prefix of the session store that is no session.',
    { cause, retryable: false },
  )
}

interface Refusal {
  readonly code: ErrorCode
  readonly message: string
}

/** First words of errors with which Redis refuses a script before any of its writes. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  LOADING: { code: 'ERR_STORE_UNAVAILABLE', message: 'Redis is still loading its data.' },
  BUSY: { code: 'ERR_STORE_UNAVAILABLE', message: 'Redis is busy with a script of somebody else.' },
  CLUSTERDOWN: { code: 'ERR_STORE_UNAVAILABLE', message: 'The Redis Cluster is down or lacks slots.' },
  TRYAGAIN: {
    code: 'ERR_STORE_UNAVAILABLE',
    message: 'A slot of the Redis Cluster was on the move for too long.',
  },
  MOVED: {
    code: 'ERR_STORE_UNAVAILABLE',
    message:
      'This is a Redis Cluster, which needs a client that follows its slots: createCluster, or Cluster of ioredis.',
  },
  MASTERDOWN: { code: 'ERR_STORE_UNAVAILABLE', message: 'Redis is a replica that has lost its master.' },
  NOREPLICAS: {
    code: 'ERR_STORE_UNAVAILABLE',
    message: 'Redis has fewer replicas than min-replicas-to-write and takes no writes.',
  },
  READONLY: {
    code: 'ERR_STORE_READ_ONLY',
    message: 'Redis is a replica, which cannot be written: connect to the primary.',
  },
  MISCONF: {
    code: 'ERR_STORE_READ_ONLY',
    message: 'Redis cannot write its data to the disk and takes no writes until it can.',
  },
  OOM: {
    code: 'ERR_STORE_FULL',
    message: 'Redis has used up its maxmemory: sessions can be read and ended, but none can be made or grow.',
  },
  NOAUTH: { code: 'ERR_STORE_UNAVAILABLE', message: 'Redis wants a password.' },
  WRONGPASS: { code: 'ERR_STORE_UNAVAILABLE', message: 'Redis refused the user name or password.' },
  NOPERM: {
    code: 'ERR_STORE_UNAVAILABLE',
    message: 'The Redis user may not run the scripts of this store or use its keys.',
  },
  WRONGTYPE: {
    code: 'ERR_STORE_CORRUPT',
    message: 'Redis holds something under the prefix of the session store that is no session.',
  },
}

function errorWord(error: unknown): string {
  if (!(error instanceof Error)) return ''
  // node-redis prefixes errors of scripts with nothing, some versions of Redis with `ERR `.
  return /^(?:ERR )?(?:-)?([A-Z]+)\b/.exec(error.message)?.[1] ?? ''
}
