import { type Duration, toMilliseconds } from '../core/duration.ts'
import { lengthPrefixed } from '../core/encoding.ts'
import { ConfigError } from '../core/errors.ts'
import { assertFunction, assertKnownKeys } from '../core/option-checks.ts'
import { sha256 } from '../core/platform.ts'
import { hostnameOf, isLoopbackHost } from '../http/host.ts'
import type { Sessions } from '../http/sessions.ts'
import type { SignatureSettings } from '../tokens/jwt/signed-token.ts'
import type { VerificationAlgorithm } from '../tokens/jwt/verification-keys.ts'
import {
  type JwksOption,
  resolveAlgorithms,
  resolveKeys,
  resolveTolerance,
} from '../tokens/jwt/verifier-options.ts'
import type { Identity } from './id-token.ts'

/** A token response (RFC 6749, section 5.1), as protocol libraries hand it over. */
export interface TokenAnswer {
  readonly access_token: string
  readonly token_type?: string
  readonly expires_in?: number | undefined
  readonly refresh_token?: string | undefined
  readonly id_token?: string | undefined
  readonly scope?: string | undefined
}

export interface RelyingPartyOptions<D> {
  /** What `createSessions` made. */
  readonly sessions: Sessions<D>
  /** The provider's issuer: equal to `iss` in every character (SSO-02). */
  readonly issuer: string
  /** The id under which the provider knows this application. */
  readonly clientId: string
  /** Address at which the provider sends browsers back, as registered there. */
  readonly redirectUri: string
  /** The provider's keys: its `jwks_uri`. They are taken from nowhere else. */
  readonly jwks: JwksOption
  /** That ID tokens and logout tokens may be signed with. Default `ES256`, `EdDSA`, `PS256` and `RS256`. */
  readonly algorithms?: readonly VerificationAlgorithm[]
  /** How far the provider's clock may differ. Default 5 s, at most 5 min. */
  readonly clockTolerance?: Duration
  /**
   * Longest time since users proved who they are at the provider, which is asked for it: their sessions end then, however long the
   * provider's own go on (LIO-11). Default: none.
   */
  readonly maxAge?: Duration
  /**
   * The application's own user id; `null`: nobody of ours. Accounts are keyed by issuer and subject together, never by the subject, a
   * name or an e-mail address (SSO-02). Default: a text that follows from both.
   */
  readonly userId?: (identity: Identity) => string | null | Promise<string | null>
  /**
   * Asks the provider for new tokens, and throws what has `error: 'invalid_grant'` where it refuses, as `openid-client` does. Aborted after
   * 10 s. Without it, access tokens are used until they lapse.
   */
  readonly refresh?: (refreshToken: string, signal: AbortSignal) => Promise<TokenAnswer>
}

/** Resolved once; frozen. Milliseconds. */
export interface RelyingPartySettings<D> extends SignatureSettings {
  readonly sessions: Sessions<D>
  readonly issuer: string
  readonly clientId: string
  readonly redirectUri: string
  readonly clockTolerance: number
  readonly maxAge: number | null
  readonly userId: (identity: Identity) => string | null | Promise<string | null>
  readonly refresh: RelyingPartyOptions<D>['refresh'] | null
}

/** Most characters of an ID token or a logout token. */
const LARGEST_TOKEN = 16_384

const KNOWN: readonly (keyof RelyingPartyOptions<unknown>)[] = [
  ...(['sessions', 'issuer', 'clientId', 'redirectUri', 'jwks'] as const),
  ...(['algorithms', 'clockTolerance', 'maxAge', 'userId', 'refresh'] as const),
]

/** Checks every value; whatever cannot work throws `ERR_OPTION` with the option's path. */
export function resolveRelyingPartyOptions<D>(options: RelyingPartyOptions<D>): RelyingPartySettings<D> {
  assertKnownKeys(options, KNOWN, 'relyingParty')
  assertFunction(options.userId, 'relyingParty.userId')
  assertFunction(options.refresh, 'relyingParty.refresh')
  const { sessions } = options
  if (typeof sessions?.manager?.login !== 'function') {
    throw invalid('sessions must be what createSessions made')
  }
  const algorithms = resolveAlgorithms(options.algorithms ?? ['ES256', 'EdDSA', 'PS256', 'RS256'])
  return Object.freeze({
    sessions,
    issuer: text(options.issuer, 'issuer'),
    clientId: text(options.clientId, 'clientId'),
    redirectUri: requireRedirectUri(options.redirectUri),
    keys: resolveKeys(options.jwks, algorithms, sessions.manager.settings.environment),
    algorithms,
    maxTokenLength: LARGEST_TOKEN,
    clockTolerance: resolveTolerance(options.clockTolerance ?? '5s'),
    maxAge: options.maxAge === undefined ? null : toMilliseconds(options.maxAge, 'relyingParty.maxAge'),
    userId: options.userId ?? defaultUserId,
    refresh: options.refresh ?? null,
  })
}

/** A whole number of seconds. */
export function toSeconds(duration: Duration, path: string): number {
  return Math.floor(toMilliseconds(duration, path, 0) / 1_000)
}

/** Two providers may have the same subject, and a subject may look like another's user id. */
function defaultUserId({ issuer, subject }: Identity): string {
  return `oidc:${sha256(lengthPrefixed([issuer, subject]))}`
}

function requireRedirectUri(value: unknown): string {
  const url = typeof value === 'string' ? URL.parse(value) : null
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(hostnameOf(url.host) ?? ''))
  if (url && isSafe && url.hash === '') return value as string
  throw invalid('redirectUri must be an https URL, or an http one on this machine, without a fragment')
}

function text(value: unknown, path: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalid(`${path} must be a text that is not empty`)
}

function invalid(what: string): ConfigError {
  return new ConfigError('ERR_OPTION', `Option relyingParty.${what}.`)
}
