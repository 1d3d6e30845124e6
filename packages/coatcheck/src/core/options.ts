import { type DataDefinition, type DataSchema, resolveSchema } from './data-schema.ts'
import { type Duration, toMilliseconds } from './duration.ts'
import type { Environment } from './environment.ts'
import { ConfigError } from './errors.ts'
import type { JsonFields } from './json.ts'
import { KEYS_COMMAND } from './key-sources.ts'
import type { KeySource } from './keys.ts'
import { type Lifetimes, type LifetimesOptions, resolveLifetimes } from './lifetimes.ts'
import { assertFunction, assertKnownKeys, assertObject, oneOf, wholeNumber } from './option-checks.ts'
import { systemEnvironment, warn } from './platform.ts'
import { type Preset, presetLimits } from './presets.ts'
import type { SessionRecord } from './record.ts'
import type { RotationPolicy } from './rotation.ts'
import type { SessionLimit, SessionStore } from './store.ts'

/** What the session lifecycle can be told. Every duration is milliseconds or a string such as `'30m'`. */
export interface CoreOptions {
  /** Where sessions live: `sqlite(path)`, `memory()`, or a store of your own. */
  readonly store: SessionStore
  /** Master keys: `keyFile(path)`, `keysFromEnv()`, `keyRing([...])`. Default: the embedded store's own key file; required with a shared store. */
  readonly keys?: KeySource
  /** Part of every token's tag: kinds of session under different names may share a store and never accept each other's tokens. Default `'session'`. */
  readonly name?: string
  /** The fields of the session and a Standard Schema for each; types are inferred. Without it any field is accepted. */
  readonly data?: DataDefinition
  /** Version of the data's shape, a whole number. Default 1. */
  readonly schemaVersion?: number
  /** Brings data of an older `schemaVersion` to this one when it is read; pure. Fields that it does not mention are kept. */
  readonly upgrade?: (data: JsonFields, fromVersion: number) => JsonFields
  /** Shorthand for `lifetimes.signedIn.idle`. Default `'30m'`. */
  readonly idleTimeout?: Duration
  /** Shorthand for `lifetimes.signedIn.absolute`. Default `'12h'`. */
  readonly absoluteTimeout?: Duration
  readonly lifetimes?: LifetimesOptions
  /** Limits of NIST SP 800-63B-4; contradicting options throw. Default none. */
  readonly preset?: Preset
  /** Age at which a signed-in cookie session gets a new secret; `false`: never. Default `'15m'`. */
  readonly rotateEvery?: Duration | false
  /** How long a client may take to store a successor. Default `'60s'`. */
  readonly rotationGrace?: Duration
  /** Activity is recorded at most this often per session and node. Default: a twentieth of the idle timeout, at most 60 s. */
  readonly touchInterval?: Duration
  /** Sessions per user. Default 100, `'evict-idle'`; `false`: no limit. */
  readonly maxSessions?: Partial<SessionLimit> | false
  /** Longest time for which an end may go unnoticed by another node. Default `'1s'`. */
  readonly maxStaleness?: Duration
  /**
   * Validated sessions kept in this process, used while the store's feed of changes proves them fresh within
   * `maxStaleness`. Default: on, `{ maxSessions: 100_000 }`, over a store that several processes may share.
   */
  readonly nearCache?: boolean | { readonly maxSessions?: number }
  /**
   * How long the near cache may serve what it last knew while the store fails: whoever was signed out meanwhile stays
   * signed in that much longer. Default: not at all; the request is refused with 503.
   */
  readonly unsafeServeStale?: Duration
  /** A superseded token after its rotation has settled. Default `'end'`. */
  readonly onReuse?: 'end' | 'report'
  /** The successor handed to another context than the one that rotated. Default `'report'`. */
  readonly onSharedRotation?: 'end' | 'report'
  /** UTF-8 bytes of a session's data as JSON. Default 16,384. */
  readonly maxDataBytes?: number
  /** How long ended sessions are remembered as ended. Default `'1h'`. */
  readonly tombstoneRetention?: Duration
  /** Pause between sweeps; `false`: this node does not sweep. Default `'60s'`. */
  readonly sweepInterval?: Duration | false
  /** How long one store operation may take before it counts as failed. Default `'5s'`. */
  readonly storeTimeout?: Duration
  /** Told of what no request can be told: listeners that throw, background failures. Default: a process warning on stderr. */
  readonly onError?: (error: unknown) => void
  /** Clock and randomness, for tests. */
  readonly environment?: Environment
}

/** Resolved once at construction; frozen. Milliseconds. */
export interface CoreSettings {
  readonly store: SessionStore
  readonly keys: KeySource
  readonly name: string
  /** Of sessions that hang on others: how the ids of their users begin (`innerUsersOf`). `null`: an application's own. */
  readonly innerUsers: string | null
  /** Of sessions whose records say so: the thumbprint of the key that one is bound to, `null` for none. `null`: the secret's hash alone knows (decision 017). */
  readonly bindingOf: ((record: SessionRecord) => string | null) | null
  readonly schema: DataSchema
  readonly lifetimes: Lifetimes
  readonly preset: Preset | null
  readonly rotation: RotationPolicy
  readonly maxSessions: SessionLimit | null
  readonly maxStaleness: number
  /** `null`: every validation asks the store. */
  readonly nearCache: { readonly maxSessions: number } | null
  /** 0: not at all. */
  readonly unsafeServeStale: number
  readonly onReuse: 'end' | 'report'
  readonly onSharedRotation: 'end' | 'report'
  readonly maxDataBytes: number
  readonly tombstoneRetention: number
  readonly sweepInterval: number | null
  readonly storeTimeout: number
  readonly onError: (error: unknown) => void
  readonly environment: Environment
}

/** The one table of defaults; `docs/options.md` and design section 5 are tested against it. */
export const CORE_DEFAULTS = Object.freeze({
  name: 'session',
  schemaVersion: 1,
  rotateEvery: '15m',
  rotationGrace: '60s',
  maxSessions: Object.freeze({ count: 100, onLimit: 'evict-idle' }),
  maxStaleness: '1s',
  nearCache: Object.freeze({ maxSessions: 100_000 }),
  unsafeServeStale: 0,
  onReuse: 'end',
  onSharedRotation: 'report',
  maxDataBytes: 16_384,
  tombstoneRetention: '1h',
  sweepInterval: '60s',
  storeTimeout: '5s',
} as const satisfies Omit<CoreOptions, 'store'>)

/** Every key of `CoreOptions`: anything else is a spelling mistake and throws. */
export const CORE_KEYS: readonly (keyof CoreOptions)[] = [
  'store',
  'keys',
  'data',
  'upgrade',
  'idleTimeout',
  'absoluteTimeout',
  'lifetimes',
  'preset',
  'touchInterval',
  'onError',
  'environment',
  ...(Object.keys(CORE_DEFAULTS) as (keyof typeof CORE_DEFAULTS)[]),
]

/** Checks every value and fills in the defaults. Whatever cannot work throws `ERR_OPTION` with the option's path. */
export function resolveCoreOptions(options: CoreOptions): CoreSettings {
  const store = requireStore(options.store)
  assertFunction(options.upgrade, 'upgrade')
  assertFunction(options.onError, 'onError')
  const limits = presetLimits(options.preset)
  const rotationGrace = toMilliseconds(options.rotationGrace ?? CORE_DEFAULTS.rotationGrace, 'rotationGrace')
  const storeTimeout = toMilliseconds(options.storeTimeout ?? CORE_DEFAULTS.storeTimeout, 'storeTimeout')
  const environment = requireEnvironment(options.environment ?? systemEnvironment)
  return Object.freeze({
    store,
    environment,
    keys: requireKeys(options.keys, store),
    name: requireName(options.name ?? CORE_DEFAULTS.name),
    innerUsers: null,
    bindingOf: null,
    schema: resolveSchema(
      options.data,
      options.schemaVersion ?? CORE_DEFAULTS.schemaVersion,
      options.upgrade,
    ),
    lifetimes: resolveLifetimes(options, limits),
    preset: options.preset ?? null,
    rotation: Object.freeze({
      rotateEvery: optional(options.rotateEvery ?? CORE_DEFAULTS.rotateEvery, 'rotateEvery'),
      rotationGrace,
      accountedAhead: Math.max(Math.ceil(rotationGrace / 4), storeTimeout),
    }),
    maxSessions: resolveLimit(options.maxSessions),
    maxStaleness: toMilliseconds(options.maxStaleness ?? CORE_DEFAULTS.maxStaleness, 'maxStaleness'),
    unsafeServeStale: toMilliseconds(
      options.unsafeServeStale ?? CORE_DEFAULTS.unsafeServeStale,
      'unsafeServeStale',
      0,
    ),
    nearCache: resolveNearCache(options.nearCache, store),
    onReuse: oneOf(options.onReuse ?? CORE_DEFAULTS.onReuse, ['end', 'report'], 'onReuse'),
    onSharedRotation: oneOf(
      options.onSharedRotation ?? CORE_DEFAULTS.onSharedRotation,
      ['end', 'report'],
      'onSharedRotation',
    ),
    maxDataBytes: wholeNumber(options.maxDataBytes ?? CORE_DEFAULTS.maxDataBytes, 'maxDataBytes', 2),
    tombstoneRetention: resolveRetention(options, rotationGrace),
    sweepInterval: optional(options.sweepInterval ?? CORE_DEFAULTS.sweepInterval, 'sweepInterval'),
    storeTimeout,
    onError: harmless(options.onError ?? warn),
  })
}

function optional(value: Duration | false, path: string): number | null {
  return value === false ? null : toMilliseconds(value, path)
}

/** Where nobody else can change a session, or the store cannot say that somebody has, there is nothing to win or no way to. */
function resolveNearCache(option: CoreOptions['nearCache'], store: SessionStore): CoreSettings['nearCache'] {
  const given = typeof option === 'boolean' ? {} : option
  assertObject(given, 'nearCache')
  assertKnownKeys(given ?? {}, ['maxSessions'], 'nearCache')
  const maxSessions = wholeNumber(
    given?.maxSessions ?? CORE_DEFAULTS.nearCache.maxSessions,
    'nearCache.maxSessions',
    1,
  )
  const useful = option === undefined ? store.capabilities.shared !== 'process' : option !== false
  if (!useful) return null
  if (store.changes) return Object.freeze({ maxSessions })
  if (option === undefined) return null
  throw new ConfigError(
    'ERR_OPTION',
    `Option nearCache needs a store that tells of changes; ${store.name} does not.`,
  )
}

function requireStore(store: unknown): SessionStore {
  if (typeof (store as SessionStore | undefined)?.find === 'function') return store as SessionStore
  throw new ConfigError(
    'ERR_OPTION',
    "Option store is required: for example sqlite('./data/sessions.db') from 'coatcheck/sqlite'.",
  )
}

function requireEnvironment(environment: Environment): Environment {
  if (typeof environment.now === 'function' && typeof environment.randomBytes === 'function')
    return environment
  throw new ConfigError('ERR_OPTION', 'Option environment must have a clock, timers and randomness.')
}

function requireKeys(keys: KeySource | undefined, store: SessionStore): KeySource {
  if (keys) {
    if (typeof keys.load === 'function') return keys
    throw new ConfigError('ERR_OPTION', 'Option keys must be keyFile(path), keysFromEnv() or keyRing([...]).')
  }
  const own = store.capabilities.shared === 'network' ? undefined : store.defaultKeys?.()
  if (own) return own
  throw new ConfigError(
    'ERR_KEYS_MISSING',
    `Option keys is required with the ${store.name} store, since all nodes must have the same: keys: keysFromEnv() and COATCHECK_KEYS set to the output of ${KEYS_COMMAND}`,
  )
}

function requireName(name: string): string {
  if (typeof name === 'string' && /^[a-zA-Z0-9._-]{1,64}$/.test(name)) return name
  throw new ConfigError(
    'ERR_OPTION',
    'Option name must be 1 to 64 letters, digits, dots, dashes or underscores.',
  )
}

function resolveLimit(limit: Partial<SessionLimit> | false | undefined): SessionLimit | null {
  if (limit === false) return null
  assertObject(limit, 'maxSessions')
  if (limit !== undefined) assertKnownKeys(limit, ['count', 'onLimit'], 'maxSessions')
  const { count, onLimit } = { ...CORE_DEFAULTS.maxSessions, ...limit }
  return Object.freeze({
    count: wholeNumber(count, 'maxSessions.count', 1),
    onLimit: oneOf(onLimit, ['refuse', 'evict-idle', 'evict-oldest'], 'maxSessions.onLimit'),
  })
}

/** A tombstone must outlive every answer that depends on it: the grace after a logout, and what other nodes may still believe. */
function resolveRetention(options: CoreOptions, rotationGrace: number): number {
  const retention = toMilliseconds(
    options.tombstoneRetention ?? CORE_DEFAULTS.tombstoneRetention,
    'tombstoneRetention',
  )
  if (retention > rotationGrace) return retention
  throw new ConfigError('ERR_OPTION', 'Option tombstoneRetention must be longer than rotationGrace.')
}

/** Whoever is told of errors must not make new ones of them: not for the request, nor for the process (AUD-04). */
function harmless(report: (error: unknown) => unknown): (error: unknown) => void {
  return (error) => {
    try {
      const answer = report(error)
      if (answer instanceof Promise) answer.catch(warn)
    } catch (failure) {
      warn(failure)
    }
  }
}
