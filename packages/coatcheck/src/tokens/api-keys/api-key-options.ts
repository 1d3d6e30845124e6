import type { ApiKeyUse, VerifiedApiKey } from '../../core/api-key.ts'
import { API_KEY_PREFIX } from '../../core/api-key-text.ts'
import { type Duration, LONGEST_DURATION, toMilliseconds } from '../../core/duration.ts'
import { ConfigError } from '../../core/errors.ts'
import { ephemeralKeys } from '../../core/key-sources.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'
import { assertKnownKeys, assertObject, wholeNumber } from '../../core/option-checks.ts'
import { type CoreOptions, type CoreSettings, resolveCoreOptions } from '../../core/options.ts'
import { systemEnvironment } from '../../core/platform.ts'
import type { Rate } from './rate-table.ts'

/** At most `count` uses at once, and on average `count` per `per`, counted by this process alone. */
export interface RateOptions {
  readonly count: number
  readonly per: Duration
}

/** Whether a key may be used once more: 0 or `null`, or the milliseconds until it may. What it throws refuses the request. */
export type RateLimitHook = (key: VerifiedApiKey, use: ApiKeyUse) => MaybePromise<number | null>

type FromCore =
  | 'store'
  | 'nearCache'
  | 'maxStaleness'
  | 'touchInterval'
  | 'storeTimeout'
  | 'tombstoneRetention'
  | 'sweepInterval'
  | 'onError'
  | 'environment'

/**
 * What API keys can be told; those of `createSessions` mean the same here. `store`: one of their own, so that ending all
 * sessions ends no key. No `keys`: nothing about an API key depends on a master key, so that none can be lost with one.
 */
export interface ApiKeysOptions extends Pick<CoreOptions, FromCore> {
  /** How every key begins: 2 to 24 lower-case letters, digits and underscores, a letter first, such as `'shop_live'`. Part of what a key is: under another prefix no key of before is accepted. */
  readonly prefix: string
  /** How often one key may be used: a rate that this process counts, or a hook. Default: no limit. */
  readonly rateLimit?: RateOptions | RateLimitHook
  /** How often one source (an IPv4 address, a /64 of IPv6) may come with what is no key before it has to wait. Default 20 per `'60s'`. */
  readonly guessLimit?: RateOptions
  /** Keys over plain HTTP beyond this machine: anybody on the way can take them. Default false. */
  readonly unsafeAllowHttp?: boolean
}

/** Resolved once at construction; frozen. */
export interface ApiKeysSettings {
  readonly core: CoreSettings
  readonly prefix: string
  readonly rateLimit: Rate | RateLimitHook | null
  readonly guessLimit: Rate
  readonly touchInterval: number
  readonly allowsHttp: boolean
}

export const API_KEY_DEFAULTS = Object.freeze({
  guessLimit: Object.freeze({ count: 20, per: '60s' }),
} as const satisfies Partial<ApiKeysOptions>)

const OWN_KEYS = ['prefix', 'rateLimit', 'guessLimit', 'unsafeAllowHttp'] as const
const CORE_KEYS: readonly FromCore[] = [
  'store',
  'nearCache',
  'maxStaleness',
  'touchInterval',
  'storeTimeout',
  'tombstoneRetention',
  'sweepInterval',
  'onError',
  'environment',
]

/** Whatever cannot work throws `ERR_OPTION` with the option's path. */
export function resolveApiKeysOptions(options: ApiKeysOptions): ApiKeysSettings {
  assertObject(options, 'of createApiKeys')
  assertKnownKeys(options, [...OWN_KEYS, ...CORE_KEYS])
  const { prefix, rateLimit, guessLimit, unsafeAllowHttp, ...shared } = options
  const core = resolveCoreOptions({
    ...shared,
    // Keys are no sessions: no token is made or read with these.
    keys: ephemeralKeys(options.environment ?? systemEnvironment),
    name: 'api-key',
    idleTimeout: LONGEST_DURATION,
    absoluteTimeout: LONGEST_DURATION,
  })
  return Object.freeze({
    core,
    prefix: requirePrefix(prefix),
    rateLimit: typeof rateLimit === 'function' ? rateLimit : resolveRate(rateLimit, 'rateLimit'),
    guessLimit: resolveRate(guessLimit ?? API_KEY_DEFAULTS.guessLimit, 'guessLimit'),
    touchInterval: core.lifetimes.signedIn.touchInterval,
    allowsHttp: requireFlag(unsafeAllowHttp),
  })
}

function requirePrefix(prefix: unknown): string {
  if (typeof prefix === 'string' && API_KEY_PREFIX.test(prefix)) return prefix
  throw new ConfigError(
    'ERR_OPTION',
    "Option prefix must be 2 to 24 lower-case letters, digits and underscores, a letter first and no underscore last, such as 'shop_live'.",
  )
}

function resolveRate(rate: RateOptions, path: string): Rate
function resolveRate(rate: RateOptions | undefined, path: string): Rate | null
function resolveRate(rate: RateOptions | undefined, path: string): Rate | null {
  if (rate === undefined) return null
  assertObject(rate, path)
  assertKnownKeys(rate, ['count', 'per'], path)
  return Object.freeze({
    count: wholeNumber(rate.count, `${path}.count`, 1),
    per: toMilliseconds(rate.per, `${path}.per`),
  })
}

function requireFlag(value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true
  throw new ConfigError('ERR_OPTION', 'Option unsafeAllowHttp must be true or false.')
}
