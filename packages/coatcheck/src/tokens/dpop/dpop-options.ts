import { type Duration, toMilliseconds } from '../../core/duration.ts'
import type { Environment } from '../../core/environment.ts'
import { ConfigError } from '../../core/errors.ts'
import type { KeySource } from '../../core/keys.ts'
import { assertKnownKeys, oneOf, wholeNumber } from '../../core/option-checks.ts'
import { VERIFICATION_ALGORITHMS, type VerificationAlgorithm } from '../jwt/verification-keys.ts'
import { normalizePath, parseTarget } from './target.ts'

export interface DpopOptions {
  /** JWS algorithms of proofs; asymmetric ones only. Default `['ES256', 'EdDSA', 'Ed25519']`. */
  readonly algorithms?: readonly VerificationAlgorithm[]
  /** How old a proof may be, by its `iat`. Default `'60s'`. */
  readonly maxAge?: Duration
  /** How far a client's clock may be wrong, either way. Default `'5s'`. */
  readonly clockTolerance?: Duration
  /**
   * `require`: a proof must hold a nonce of ours, and its age is judged by that instead of by the client's clock. Costs a
   * client without a fresh one a second request. Default `off`.
   */
  readonly nonce?: 'off' | 'require'
  /** How long a nonce is given out; it is accepted for as long again. Default `'2m'`. */
  readonly nonceLifetime?: Duration
  /** Master keys of the nonces, the same on all nodes. Default: those of the sessions that the proofs are for. */
  readonly keys?: KeySource
  /**
   * Where used proofs are remembered. `process`: on this node, so that a stolen request could be sent once more to each
   * other node. `fleet`: in the store of the sessions, for one write per proven request. Default `process`.
   */
  readonly replay?: 'process' | 'fleet'
  /** Most proofs remembered in this process, of about 100 bytes; beyond it requests fail with 503. Default 100,000. */
  readonly maxReplays?: number
  /**
   * The origins that clients see, such as `https://api.example`: `htu` must be at one of them, whatever `Host` says. Default:
   * the request's own, as far as proxies are trusted.
   */
  readonly origins?: readonly string[]
  /** The path that a proxy takes off before a request comes here, such as `/api`. Default none. */
  readonly pathPrefix?: string
  /** Clock and randomness. Default: those of the sessions, else the machine's. */
  readonly environment?: Environment
}

/** Resolved once at construction; milliseconds. */
export interface DpopSettings {
  readonly algorithms: readonly VerificationAlgorithm[]
  readonly maxAge: number
  readonly clockTolerance: number
  readonly nonce: 'off' | 'require'
  readonly nonceLifetime: number
  readonly keys: KeySource | null
  readonly replay: 'process' | 'fleet'
  readonly maxReplays: number
  readonly origins: readonly string[] | null
  readonly pathPrefix: string
  readonly environment: Environment | null
}

export const DPOP_DEFAULTS = Object.freeze({
  algorithms: Object.freeze(['ES256', 'EdDSA', 'Ed25519'] as const),
  maxAge: '60s',
  clockTolerance: '5s',
  nonce: 'off',
  nonceLifetime: '2m',
  replay: 'process',
  maxReplays: 100_000,
  pathPrefix: '',
} as const satisfies DpopOptions)

const KEYS = [...Object.keys(DPOP_DEFAULTS), 'keys', 'origins', 'environment']

/** Whatever cannot work throws `ERR_OPTION` with the option's path. */
export function resolveDpopOptions(options: DpopOptions): DpopSettings {
  assertKnownKeys(options, KEYS, 'dpop')
  const given = { ...DPOP_DEFAULTS, ...options }
  return Object.freeze({
    algorithms: algorithmsOf(given.algorithms),
    maxAge: toMilliseconds(given.maxAge, 'dpop.maxAge'),
    clockTolerance: toMilliseconds(given.clockTolerance, 'dpop.clockTolerance', 0),
    nonce: oneOf(given.nonce, ['off', 'require'], 'dpop.nonce'),
    nonceLifetime: toMilliseconds(given.nonceLifetime, 'dpop.nonceLifetime', 1_000),
    keys: options.keys ?? null,
    replay: oneOf(given.replay, ['process', 'fleet'], 'dpop.replay'),
    maxReplays: wholeNumber(given.maxReplays, 'dpop.maxReplays', 1),
    origins: options.origins === undefined ? null : originsOf(options.origins),
    pathPrefix: prefixOf(given.pathPrefix),
    environment: options.environment ?? null,
  })
}

function algorithmsOf(list: readonly VerificationAlgorithm[]): readonly VerificationAlgorithm[] {
  if (!Array.isArray(list) || list.length === 0) {
    throw new ConfigError('ERR_OPTION', 'Option dpop.algorithms must list at least one algorithm.')
  }
  for (const algorithm of list) oneOf(algorithm, VERIFICATION_ALGORITHMS, 'dpop.algorithms')
  return Object.freeze([...new Set(list)])
}

function originsOf(list: readonly string[]): readonly string[] {
  const origins = (Array.isArray(list) ? list : []).map(originOf)
  const bad = origins.indexOf(null)
  if (origins.length > 0 && bad === -1) return Object.freeze(origins.filter((origin) => origin !== null))
  throw new ConfigError(
    'ERR_OPTION',
    `Option dpop.origins${bad === -1 ? '' : `[${bad}]`} must be an origin such as https://api.example, without a path.`,
  )
}

function originOf(text: unknown): string | null {
  const target = typeof text === 'string' && !/[?#]/.test(text) ? parseTarget(text) : null
  return target?.path === '/' ? target.origin : null
}

function prefixOf(prefix: unknown): string {
  const isPath = typeof prefix === 'string' && (prefix === '' || /^\/[!-"$->@-~]*[^/]$/.test(prefix))
  if (isPath) return prefix === '' ? '' : normalizePath(prefix)
  throw new ConfigError(
    'ERR_OPTION',
    'Option dpop.pathPrefix must be a path such as /api, without a slash at its end.',
  )
}
