import { type Duration, toMilliseconds } from '../../core/duration.ts'
import type { Environment } from '../../core/environment.ts'
import { ConfigError } from '../../core/errors.ts'
import type { JsonFields } from '../../core/json.ts'
import {
  assertFunction,
  assertKnownKeys,
  assertObject,
  oneOf,
  wholeNumber,
} from '../../core/option-checks.ts'
import { systemEnvironment } from '../../core/platform.ts'
import { LARGEST_ACCESS_TOKEN } from './access-token.ts'
import type { AccessTokenRevocation } from './claims.ts'
import { type RemoteJwksOptions, RemoteKeys } from './remote-keys.ts'
import { StaticKeys } from './static-keys.ts'
import {
  VERIFICATION_ALGORITHMS,
  type VerificationAlgorithm,
  type VerificationKeys,
} from './verification-keys.ts'

/** A list of public keys (RFC 7517, section 5). */
export interface JsonWebKeySet {
  readonly keys: readonly JsonFields[]
}

/** Where an issuer's keys are: the URL of its JWKS (with settings, as an object), a key ring of this process, or a fixed list. */
export type JwksOption = string | URL | RemoteJwksOptions | VerificationKeys | JsonWebKeySet

export interface AccessTokenVerifierOptions {
  /** The issuer whose tokens are accepted: equal to `iss` in every character (JWT-07). */
  readonly issuer: string
  /** This service's own name, or several; one of them must be in `aud` (JWT-06). */
  readonly audience: string | readonly string[]
  /**
   * The issuer's keys: the https URL of its JWKS (with settings, as an object), the key ring itself where it is in this process, or a
   * list that is fixed. Keys are taken from nowhere else (JWT-03).
   */
  readonly jwks: JwksOption
  /** Default: `ES256` and `EdDSA`. Algorithms with a shared secret do not exist here. */
  readonly algorithms?: readonly VerificationAlgorithm[]
  /** How far the issuer's clock may differ. Default 5 s, at most 5 min (JWT-05). */
  readonly clockTolerance?: Duration
  /** Tokens that are valid for longer, from `iat` to `exp`, are refused. Default 24 h. */
  readonly longestLife?: Duration
  /** Most characters of a token. Default 8,192 (JWT-09). */
  readonly maxTokenLength?: number
  /** Verified signatures that are remembered. Default 10,000; 0 remembers none. */
  readonly cacheSize?: number
  /** Most entries of `deny()`. Default 100,000. */
  readonly denyListSize?: number
  /** Asked about every token that is otherwise right. */
  readonly revocation?: AccessTokenRevocation
  readonly environment?: Environment
}

export interface VerifierSettings {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly keys: VerificationKeys
  readonly algorithms: readonly VerificationAlgorithm[]
  /** Milliseconds. */
  readonly clockTolerance: number
  readonly longestLife: number
  readonly maxTokenLength: number
  readonly cacheSize: number
  readonly denyListSize: number
  readonly revocation: AccessTokenRevocation | null
  readonly environment: Environment
}

const MOST_TOLERANCE = 300_000

const KNOWN = [
  ...['issuer', 'audience', 'jwks', 'algorithms', 'clockTolerance', 'longestLife', 'maxTokenLength'],
  ...['cacheSize', 'denyListSize', 'revocation', 'environment'],
]

export function resolveVerifierOptions(options: AccessTokenVerifierOptions): VerifierSettings {
  assertKnownKeys(options, KNOWN)
  const environment = options.environment ?? systemEnvironment
  const algorithms = resolveAlgorithms(options.algorithms ?? ['ES256', 'EdDSA'])
  assertObject(options.revocation, 'revocation')
  assertFunction(options.revocation?.isRevoked ?? (options.revocation && null), 'revocation.isRevoked')
  return Object.freeze({
    issuer: text(options.issuer, 'issuer'),
    audience: resolveAudience(options.audience),
    keys: resolveKeys(options.jwks, algorithms, environment),
    algorithms,
    clockTolerance: resolveTolerance(options.clockTolerance ?? '5s'),
    longestLife: toMilliseconds(options.longestLife ?? '24h', 'longestLife', 1_000),
    maxTokenLength: wholeNumber(options.maxTokenLength ?? LARGEST_ACCESS_TOKEN, 'maxTokenLength', 256),
    cacheSize: wholeNumber(options.cacheSize ?? 10_000, 'cacheSize', 0),
    denyListSize: wholeNumber(options.denyListSize ?? 100_000, 'denyListSize', 1),
    revocation: options.revocation ?? null,
    environment,
  })
}

export function resolveAlgorithms(
  algorithms: readonly VerificationAlgorithm[],
): readonly VerificationAlgorithm[] {
  if (!Array.isArray(algorithms) || algorithms.length === 0) {
    throw new ConfigError('ERR_OPTION', 'Option algorithms must be a list of at least one algorithm.')
  }
  return algorithms.map((one, index) => oneOf(one, VERIFICATION_ALGORITHMS, `algorithms[${index}]`))
}

function resolveAudience(audience: string | readonly string[]): readonly string[] {
  const all = Array.isArray(audience) ? audience : [audience]
  if (all.length === 0) throw new ConfigError('ERR_OPTION', 'Option audience must name this service.')
  return all.map((one) => text(one, 'audience'))
}

export function resolveTolerance(tolerance: Duration): number {
  const milliseconds = toMilliseconds(tolerance, 'clockTolerance', 0)
  if (milliseconds <= MOST_TOLERANCE) return milliseconds
  throw new ConfigError('ERR_OPTION', "Option clockTolerance may be at most '5m'.")
}

/** The keys that an option `jwks` means. */
export function resolveKeys(
  jwks: JwksOption,
  algorithms: readonly VerificationAlgorithm[],
  environment: Environment,
): VerificationKeys {
  if (typeof jwks === 'string' || jwks instanceof URL)
    return new RemoteKeys({ url: jwks }, algorithms, environment)
  assertObject(jwks ?? null, 'jwks')
  if (typeof jwks === 'object' && jwks !== null && !Array.isArray(jwks)) {
    if ('find' in jwks) return jwks
    if ('url' in jwks) return new RemoteKeys(jwks, algorithms, environment)
    if ('keys' in jwks) return new StaticKeys(jwks, algorithms)
  }
  throw new ConfigError('ERR_OPTION', 'Option jwks must be a URL, a key ring or a list of keys.')
}

function text(value: string, path: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw new ConfigError('ERR_OPTION', `Option ${path} must be a text that is not empty.`)
}
