import type { ApiKeyVerdict, ApiKeyVerifier, VerifiedApiKey } from '../core/api-key.ts'
import { AccessError, ConfigError, type ErrorCode } from '../core/errors.ts'
import { chain, type MaybePromise } from '../core/maybe-promise.ts'
import { assertKnownKeys } from '../core/option-checks.ts'
import { hasTokenInUrl } from '../core/token-forms.ts'
import { type ApiKeyCredentials, findApiKey } from './api-key-credentials.ts'
import { CLIENT_CONTEXT_DEFAULTS, ClientContext } from './client-context.ts'
import type { Exchange, ResponseHeaders } from './exchange.ts'
import type { Challenging } from './problem.ts'
import { markPersonal } from './response-headers.ts'
import { assessTransport } from './secure-transport.ts'

/** Whose keys a route is for. */
export interface ApiKeyGuardOptions {
  /** All of these must be among the key's. Default none: any key. */
  readonly scopes?: readonly string[]
}

/** A request without a key that is good here. */
export class ApiKeyError extends AccessError {
  /** The headers that belong to the response: `www-authenticate` (RFC 6750, section 3), `retry-after`. */
  readonly responseHeaders: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, responseHeaders: Readonly<Record<string, string>> = {}) {
    super(code, message)
    this.responseHeaders = responseHeaders
  }
}

/** What errors of other kinds ask for on routes of keys. */
export const FOR_KEYS: Challenging = Object.freeze({ transports: ['bearer'] as const, binding: null })

/** The key of one request, or the error that refuses it, thrown; answers at once where the key's verification does. */
export type ApiKeyCheck = (exchange: Exchange) => MaybePromise<VerifiedApiKey>

/**
 * Checks every option and answers the check of one request, for the guards of all frameworks. A key that is missing, unknown,
 * ended, expired, or used from elsewhere than its networks is `ERR_UNAUTHENTICATED` (401), and all but the first look alike; one
 * without the scopes is `ERR_SCOPE` (403); one that comes too often, or from a source of too many guesses, is
 * `ERR_RATE_LIMITED` (429); two credentials are `ERR_AMBIGUOUS_TOKEN` (400).
 */
export function resolveApiKeyGuard(apiKeys: ApiKeyVerifier, options: ApiKeyGuardOptions = {}): ApiKeyCheck {
  if (typeof apiKeys?.verify !== 'function') {
    throw new ConfigError('ERR_OPTION', 'requireApiKey needs what createApiKeys answered.')
  }
  assertKnownKeys(options, ['scopes'], 'requireApiKey')
  const scopes = requireScopes(options.scopes ?? [])
  return (exchange) => {
    const context = new ClientContext(exchange, CLIENT_CONTEXT_DEFAULTS)
    if (hasTokenInUrl(exchange.url)) apiKeys.report('in-url', context)
    const text = requireText(apiKeys, findApiKey(exchange), context)
    if (!apiKeys.allowsHttp) requireSecure(apiKeys, exchange, context)
    const { address } = exchange.connection
    return chain(apiKeys.verify(text, { address, scopes, context }), (verdict) => accepted(verdict, scopes))
  }
}

/** A response that depends on a key is kept for nobody else by shared caches; the application's own `Cache-Control` stays. */
export function markForKey(response: ResponseHeaders): void {
  markPersonal(response, VARY)
}

const VARY = ['authorization', 'x-api-key'] as const

function requireScopes(scopes: readonly string[]): readonly string[] {
  if (Array.isArray(scopes) && scopes.every((scope) => typeof scope === 'string' && SCOPE.test(scope))) {
    return Object.freeze([...scopes])
  }
  throw new ConfigError(
    'ERR_OPTION',
    'Option requireApiKey.scopes must be a list of words without blanks, quotes and backslashes.',
  )
}

/** RFC 6749, 3.3. */
const SCOPE = /^[!#-[\]-~]+$/

function requireText(
  apiKeys: ApiKeyVerifier,
  credentials: ApiKeyCredentials,
  context: ClientContext,
): string {
  if (credentials.outcome === 'presented') return credentials.text
  if (credentials.outcome === 'none') {
    throw new ApiKeyError('ERR_UNAUTHENTICATED', 'An API key is required.', challengeOf('Bearer'))
  }
  apiKeys.report('ambiguous', context)
  throw new ApiKeyError(
    'ERR_AMBIGUOUS_TOKEN',
    'The request presents an API key and another key or session token: send one of them, and no cookies with a key.',
  )
}

function requireSecure(apiKeys: ApiKeyVerifier, { connection }: Exchange, context: ClientContext): void {
  if (assessTransport(connection).secure) return
  apiKeys.report('insecure', context)
  throw invalidKey('API keys are accepted over HTTPS only.')
}

function accepted(verdict: ApiKeyVerdict, scopes: readonly string[]): VerifiedApiKey {
  if (verdict.ok) return verdict.key
  switch (verdict.reason) {
    case 'scope':
      throw new ApiKeyError(
        'ERR_SCOPE',
        'The API key lacks a scope that this needs.',
        challengeOf(`Bearer error="insufficient_scope", scope="${scopes.join(' ')}"`),
      )
    case 'rate-limited':
      throw new ApiKeyError('ERR_RATE_LIMITED', 'Too many requests; come back later.', {
        'retry-after': String(Math.max(1, Math.ceil(verdict.retryAfter / 1_000))),
      })
    default:
      throw invalidKey('The API key is not valid.')
  }
}

function invalidKey(message: string): ApiKeyError {
  return new ApiKeyError('ERR_UNAUTHENTICATED', message, challengeOf('Bearer error="invalid_token"'))
}

function challengeOf(challenge: string): Readonly<Record<string, string>> {
  return { 'www-authenticate': challenge }
}
