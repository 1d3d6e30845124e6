import { type Duration, formatDuration, toMilliseconds } from '../../core/duration.ts'
import type { Environment } from '../../core/environment.ts'
import { ConfigError } from '../../core/errors.ts'
import type { KeySource } from '../../core/keys.ts'
import { assertFunction, assertKnownKeys, assertObject, oneOf } from '../../core/option-checks.ts'
import { systemEnvironment } from '../../core/platform.ts'
import { type Overlap, SIGNING_ALGORITHMS, type SigningAlgorithm } from './ring-content.ts'
import type { SigningKeyStorage } from './ring-storage.ts'

export interface KeyRingOptions {
  /** Where the ring lies, for all processes together: `signingKeyFile(path)`, or a place of one's own. */
  readonly storage: SigningKeyStorage
  /** Master keys that the ring is sealed under. Required unless the storage is private; one cannot be without them later. */
  readonly keys?: KeySource
  /** For new keys; a key keeps its own. Default `ES256`. */
  readonly algorithm?: SigningAlgorithm
  /** Longest life of a token; a retired key stays published for so long, and 5 minutes more. Default 1 h. */
  readonly longestTokenLife?: Duration
  /** How long verifiers may keep the JWKS (`max-age`); a new key is published for twice as long before it signs. Default 10 min. */
  readonly cacheFor?: Duration
  /** Age at which the current key is replaced by itself; `false`: only by `rotate()`. Default 90 days. */
  readonly rotateEvery?: Duration | false
  /** How often a process looks what the others have done. Default 10 s. */
  readonly refreshEvery?: Duration
  readonly environment?: Environment
}

export interface KeyRingSettings {
  readonly storage: SigningKeyStorage
  readonly keys: KeySource | null
  readonly algorithm: SigningAlgorithm
  /** Milliseconds. */
  readonly longestTokenLife: number
  readonly cacheFor: number
  readonly rotateEvery: number | null
  readonly refreshEvery: number
  readonly overlap: Overlap
  readonly environment: Environment
}

/** How far a verifier's clock may be behind ours, at most. */
const CLOCKS = 300_000

const KNOWN = [
  ...['storage', 'keys', 'algorithm', 'longestTokenLife', 'cacheFor', 'rotateEvery', 'refreshEvery'],
  'environment',
]

export function resolveKeyRingOptions(options: KeyRingOptions): KeyRingSettings {
  assertKnownKeys(options, KNOWN)
  assertStorage(options)
  const longestTokenLife = toMilliseconds(options.longestTokenLife ?? '1h', 'longestTokenLife', 1_000)
  const cacheFor = toMilliseconds(options.cacheFor ?? '10m', 'cacheFor', 1_000)
  const refreshEvery = toMilliseconds(options.refreshEvery ?? '10s', 'refreshEvery')
  // What a process serves may be refreshEvery old, what a cache on the way passes on cacheFor, and so may what a verifier keeps.
  const before = 2 * cacheFor + refreshEvery
  return Object.freeze({
    storage: options.storage,
    keys: options.keys ?? null,
    algorithm: oneOf(options.algorithm ?? 'ES256', SIGNING_ALGORITHMS, 'algorithm'),
    longestTokenLife,
    cacheFor,
    rotateEvery: resolveRotation(options.rotateEvery ?? '90d', before),
    refreshEvery,
    // A process may sign with the old key until it hears of the new one.
    overlap: { before, after: longestTokenLife + refreshEvery + CLOCKS },
    environment: options.environment ?? systemEnvironment,
  })
}

function assertStorage({ storage, keys }: KeyRingOptions): void {
  assertObject(storage ?? null, 'storage')
  assertFunction(storage?.read ?? null, 'storage.read')
  assertFunction(storage.replace ?? null, 'storage.replace')
  assertFunction(keys && (keys.load ?? null), 'keys.load')
  if (storage.private || keys) return
  throw new ConfigError(
    'ERR_KEYS_MISSING',
    `Others can read the ${storage.description}: option keys must give master keys, under which the ring is sealed.`,
  )
}

function resolveRotation(rotateEvery: Duration | false, before: number): number | null {
  if (rotateEvery === false) return null
  const milliseconds = toMilliseconds(rotateEvery, 'rotateEvery')
  if (milliseconds > before) return milliseconds
  throw new ConfigError(
    'ERR_OPTION',
    `Option rotateEvery must be longer than ${formatDuration(before)}: so long a key must be published before it signs (cacheFor, refreshEvery).`,
  )
}
