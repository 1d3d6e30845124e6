import { type Duration, toMilliseconds } from '../../core/duration.ts'
import type { Environment } from '../../core/environment.ts'
import { ConfigError, StoreError } from '../../core/errors.ts'
import { assertFunction, assertKnownKeys } from '../../core/option-checks.ts'
import { importKeySet } from './key-set.ts'
import { fetchKeySet, type JwksFetch } from './remote-fetch.ts'
import type { VerificationAlgorithm, VerificationKey, VerificationKeys } from './verification-keys.ts'

/** The JWKS of an issuer on the network. */
export interface RemoteJwksOptions {
  /** https, or http on this machine. */
  readonly url: string | URL
  /** How long keys are used without asking again, and so how long a withdrawn key may live on. Default 10 min; the answer's `max-age` may shorten it. */
  readonly cacheFor?: Duration
  /** Least time between two requests for the sake of unknown keys. Default 30 s. */
  readonly cooldown?: Duration
  /** Least time between a request that failed and the next. Default 2 s. */
  readonly retryAfter?: Duration
  /** Default 5 s. */
  readonly timeout?: Duration
  /** The runtime's own unless given, for instance to go through a proxy. */
  readonly fetch?: JwksFetch
}

interface RemoteSettings {
  readonly url: URL
  readonly cacheFor: number
  readonly cooldown: number
  readonly retryAfter: number
  readonly timeout: number
  readonly fetch: JwksFetch
}

interface Fetched {
  readonly keys: ReadonlyMap<string, VerificationKey>
  /** On the monotonic clock. */
  readonly freshUntil: number
  readonly refreshFrom: number
}

/**
 * Keys of a JWKS endpoint: fetched when first needed and again before they lapse, at once for an unknown `kid` but at a limited rate, so
 * that nobody can make us flood the endpoint (JWT-15). Keys that have lapsed and cannot be fetched verify nothing.
 */
export class RemoteKeys implements VerificationKeys {
  readonly #settings: RemoteSettings
  readonly #algorithms: readonly VerificationAlgorithm[]
  readonly #environment: Environment
  #fetched: Fetched | null = null
  #pending: Promise<void> | null = null
  #attemptedAt = Number.NEGATIVE_INFINITY
  /** Why the last request failed; `null` after one that did not. */
  #failure: { readonly cause: unknown } | null = null

  constructor(
    options: RemoteJwksOptions,
    algorithms: readonly VerificationAlgorithm[],
    environment: Environment,
  ) {
    this.#settings = resolveRemoteOptions(options)
    this.#algorithms = algorithms
    this.#environment = environment
  }

  find(kid: string): VerificationKey | Promise<VerificationKey | null> | null {
    const fresh = this.#fresh()
    const key = fresh?.keys.get(kid)
    if (key) return key
    if (!this.#pending && !this.#mayFetch()) {
      if (!fresh || this.#failure) throw this.#unavailable()
      return null
    }
    return this.#fetchNow().then(() => {
      const now = this.#fresh()
      if (!now || this.#failure) throw this.#unavailable()
      return now.keys.get(kid) ?? null
    })
  }

  holds(key: VerificationKey): boolean {
    return this.#fresh()?.keys.get(key.kid) === key
  }

  /** What has been fetched and has not lapsed; asks again in the background when it soon will. */
  #fresh(): Fetched | null {
    const fetched = this.#fetched
    const now = this.#environment.monotonic()
    if (!fetched || now >= fetched.freshUntil) return null
    if (now >= fetched.refreshFrom && !this.#pending && this.#mayFetch()) void this.#fetchNow()
    return fetched
  }

  #mayFetch(): boolean {
    const { cooldown, retryAfter } = this.#settings
    return this.#environment.monotonic() - this.#attemptedAt >= (this.#failure ? retryAfter : cooldown)
  }

  /** One request for all who wait. Never rejects: what went wrong is in `#failure`. */
  #fetchNow(): Promise<void> {
    this.#pending ??= this.#fetch().finally(() => {
      this.#pending = null
    })
    return this.#pending
  }

  async #fetch(): Promise<void> {
    const { cacheFor, cooldown } = this.#settings
    const startedAt = this.#environment.monotonic()
    this.#attemptedAt = startedAt
    try {
      const { set, maxAge } = await fetchKeySet(this.#settings, this.#environment)
      const imported = await importKeySet(set, this.#algorithms)
      if (typeof imported === 'string') throw new Error(`The key set ${imported}.`)
      if (imported.keys.size === 0) throw new Error(`No key is usable: ${imported.faults.join('; ')}.`)
      // Not below the cooldown, within which we would not ask again.
      const life = Math.max(cooldown, Math.min(cacheFor, maxAge ?? cacheFor))
      this.#failure = null
      this.#fetched = {
        keys: this.#keepingKnown(imported.keys),
        freshUntil: startedAt + life,
        refreshFrom: startedAt + life / 2,
      }
    } catch (cause) {
      this.#failure = { cause }
    }
  }

  /** Keys that have not changed stay the objects that they were, and with them what was verified by them. */
  #keepingKnown(keys: ReadonlyMap<string, VerificationKey>): ReadonlyMap<string, VerificationKey> {
    const known = this.#fetched?.keys
    return new Map(
      [...keys].map(([kid, key]) => {
        const before = known?.get(kid)
        return [kid, before?.publicText === key.publicText ? before : key]
      }),
    )
  }

  #unavailable(): StoreError {
    const { host } = this.#settings.url
    return new StoreError(
      'ERR_KEYS_UNAVAILABLE',
      `The signing keys at ${host} cannot be had at the moment.`,
      {
        retryable: true,
        cause: this.#failure?.cause,
      },
    )
  }
}

const KNOWN = ['url', 'cacheFor', 'cooldown', 'retryAfter', 'timeout', 'fetch']

function resolveRemoteOptions(options: RemoteJwksOptions): RemoteSettings {
  assertKnownKeys(options, KNOWN, 'jwks')
  assertFunction(options.fetch, 'jwks.fetch')
  const settings: RemoteSettings = {
    url: resolveUrl(options.url),
    cacheFor: toMilliseconds(options.cacheFor ?? '10m', 'jwks.cacheFor'),
    cooldown: toMilliseconds(options.cooldown ?? '30s', 'jwks.cooldown'),
    retryAfter: toMilliseconds(options.retryAfter ?? '2s', 'jwks.retryAfter'),
    timeout: toMilliseconds(options.timeout ?? '5s', 'jwks.timeout'),
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
  }
  if (settings.cooldown <= settings.cacheFor) return settings
  throw new ConfigError('ERR_OPTION', 'Option jwks.cooldown may not be longer than jwks.cacheFor.')
}

/** Whoever can change the answer on its way can sign whatever they like. */
function resolveUrl(value: string | URL): URL {
  const url = URL.canParse(String(value)) ? new URL(value) : null
  const here = url && /^(?:localhost|.+\.localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  if (url && (url.protocol === 'https:' || (here && url.protocol === 'http:')) && !url.username) return url
  throw new ConfigError('ERR_OPTION', 'Option jwks must be an https URL, or an http one on this machine.')
}
