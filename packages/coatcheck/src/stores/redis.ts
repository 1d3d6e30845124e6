import { type Duration, toMilliseconds } from '../core/duration.ts'
import { ConfigError } from '../core/errors.ts'
import { assertKnownKeys, wholeNumber } from '../core/option-checks.ts'
import type { SessionStore } from '../core/store.ts'
import { driverOf, type RedisClient } from './redis/clients.ts'
import { RedisStore } from './redis/redis-store.ts'
import type { Checks } from './redis/server-checks.ts'

export type { RedisClient } from './redis/clients.ts'

export interface RedisOptions {
  /** What the names of all keys begin with; default `coatcheck:`. Applications that share a server need different ones. */
  readonly prefix?: string
  /**
   * How many replicas must have an end, a login or a rotation before it is acknowledged (`WAIT`); without them it fails with
   * `ERR_NOT_DURABLE`. Default: 1 where every primary has a replica, or waits for one (`min-replicas-to-write`),
   * when the store is opened, else 0.
   */
  readonly confirmations?: number
  /** How long replicas are waited for; default 1 s. Others who share the connection wait as long. */
  readonly confirmationTimeout?: Duration
  /**
   * Goes on, with a warning, over a server whose settings break what is promised: one that evicts, keeps no append-only
   * file, or does not fence a primary that lost its replicas. Default false: refused with `ERR_STORE_SETTING`.
   */
  readonly unsafeAllowSettings?: boolean
}

/**
 * Sessions in Redis 7 or later, or in Valkey: one server, Sentinel or a Cluster, through the client that the application
 * has already, of the package `redis` or `ioredis`. The client must be connected, and stays the application's to close.
 *
 * Each call is one script on one of 256 partitions. All sessions of a user share a partition, so that a limit, an end of
 * all of them and a login are atomic. The server's clock judges deadlines.
 *
 * @example
 * ```ts
 * import { createSessions, keysFromEnv } from 'coatcheck'
 * import { redis } from 'coatcheck/redis'
 * import { createClient } from 'redis'
 *
 * const client = await createClient({ url: 'redis://127.0.0.1:6379' }).on('error', console.error).connect()
 * const sessions = createSessions({ store: redis(client), keys: keysFromEnv() })
 * ```
 */
export function redis(client: RedisClient, options: RedisOptions = {}): SessionStore {
  assertKnownKeys(options, ['prefix', 'confirmations', 'confirmationTimeout', 'unsafeAllowSettings'])
  const prefix = options.prefix ?? 'coatcheck:'
  if (typeof prefix !== 'string' || /[{}]/.test(prefix)) {
    throw new ConfigError('ERR_OPTION', 'Option prefix must be a text without { and }, which mark hash tags.')
  }
  const { confirmations, confirmationTimeout, unsafeAllowSettings = false } = options
  const checks: Checks = {
    settings: unsafeAllowSettings ? 'warn' : 'refuse',
    confirmations: confirmations === undefined ? null : wholeNumber(confirmations, 'confirmations', 0),
    confirmationTimeout: toMilliseconds(confirmationTimeout ?? '1s', 'confirmationTimeout', 1),
  }
  return new RedisStore({ driver: driverOf(client), prefix, clock: () => '', checks })
}
