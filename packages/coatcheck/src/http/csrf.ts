import { ConfigError } from '../core/errors.ts'
import { assertKnownKeys, oneOf } from '../core/option-checks.ts'
import type { Transport } from '../core/record.ts'
import { type Exchange, pathOf } from './exchange.ts'
import { requireOrigin } from './host.ts'
import {
  checkOrigin,
  isSafeMethod,
  type OriginPolicy,
  type PassReason,
  type RefuseReason,
} from './origin-check.ts'

/** How unsafe requests that a cookie authenticates are told from forged ones. On by default, for all of them (CSRF-01). */
export interface CsrfOptions {
  /**
   * `'origin'` (default): what browsers say about where the request comes from. `'token'`: that, and a token bound to
   * the session besides (CSRF-02; NIST SP 800-63B-4, 5.1 asks for one).
   */
  readonly mode?: 'origin' | 'token'
  /** Public origins of this application, such as `https://shop.example`. Default: scheme and host of the request, after the framework's proxy trust. */
  readonly origins?: readonly string[]
  /** Other hosts of the same site whose pages may send unsafe requests. Default none. */
  readonly siblingOrigins?: readonly string[]
  /** Request header that carries the token. Default `x-csrf-token`. */
  readonly header?: string
  /** Origins of other sites whose pages may act for the user. Default none. */
  readonly unsafeCrossSiteOrigins?: readonly string[]
  /**
   * Requests that are not checked, such as an identity provider's callbacks: exact paths, paths ending in `/*` for all
   * below, or a function. A path with an escape, a dot segment or a double slash matches no pattern. Default none.
   */
  readonly unsafeExempt?: readonly string[] | ((exchange: Exchange) => boolean)
  /** Refuses nothing and reports what it would have refused. Default false. */
  readonly unsafeReportOnly?: boolean
  /** Checks nothing. Default false. */
  readonly unsafeDisabled?: boolean
}

/** Resolved once; no union of shapes is left for the request path. */
export interface CsrfPolicy {
  readonly mode: 'origin' | 'token' | 'off'
  readonly reportOnly: boolean
  readonly header: string
  readonly origin: OriginPolicy
  readonly isExempt: (exchange: Exchange) => boolean
}

export const CSRF_DEFAULTS = Object.freeze({
  mode: 'origin',
  header: 'x-csrf-token',
  siblingOrigins: Object.freeze([]),
  unsafeCrossSiteOrigins: Object.freeze([]),
  unsafeExempt: Object.freeze([]),
  unsafeReportOnly: false,
  unsafeDisabled: false,
} as const satisfies CsrfOptions)

export interface CsrfVerdict {
  /** `report`: it would have been refused, and the mode is to report only. */
  readonly verdict: 'pass' | 'report' | 'refuse'
  readonly reason: CsrfReason
  /** Whether headers of the request decided, so that the response needs `Vary: Sec-Fetch-Site, Origin` (CSRF-06). */
  readonly varies: boolean
}

export type CsrfReason =
  | PassReason
  | RefuseReason
  /** Switched off, or the request is exempt. */
  | 'disabled'
  | 'exempt'
  /** No cookie authenticates the request: other sites cannot make a browser add anything else. */
  | 'not-by-cookie'
  | 'valid-token'
  | 'missing-token'
  | 'invalid-token'

/** Checks every value and turns unions into functions. Whatever cannot work throws `ERR_OPTION` with the option's path. */
export function resolveCsrfOptions(options: CsrfOptions = {}): CsrfPolicy {
  assertKnownKeys(options, ['origins', ...Object.keys(CSRF_DEFAULTS)], 'csrf')
  const mode = oneOf(options.mode ?? CSRF_DEFAULTS.mode, ['origin', 'token'], 'csrf.mode')
  const disabled = flag(options.unsafeDisabled, 'unsafeDisabled')
  const reportOnly = flag(options.unsafeReportOnly, 'unsafeReportOnly')
  if (disabled && Object.keys(options).some((key) => key !== 'unsafeDisabled')) {
    throw new ConfigError('ERR_OPTION', 'Option csrf.unsafeDisabled contradicts every other option of csrf.')
  }
  return Object.freeze({
    mode: disabled ? 'off' : mode,
    reportOnly,
    header: headerName(options.header ?? CSRF_DEFAULTS.header),
    origin: Object.freeze({
      origins: options.origins === undefined ? null : ownOrigins(options.origins),
      siblings: originSet(options.siblingOrigins ?? [], 'siblingOrigins'),
      crossSite: originSet(options.unsafeCrossSiteOrigins ?? [], 'unsafeCrossSiteOrigins'),
    }),
    isExempt: resolveExemptions(options.unsafeExempt ?? []),
  })
}

/**
 * Whether this request may change anything. `authenticatedBy` is the transport of the token that was accepted, `null`
 * where there was none (CSRF-12). `verifyToken` knows the session that the cookie stands for; it is asked in mode
 * `token` only. Where the framework has already read the body, `field` is the token that a form sent in it: the cookie
 * and the URL are never a place for the token (CSRF-05, TRN-03).
 */
export function checkCsrf(
  exchange: Exchange,
  policy: CsrfPolicy,
  authenticatedBy: Transport | null,
  verifyToken: (token: string) => boolean,
  field?: string,
): CsrfVerdict {
  if (policy.mode === 'off') return DISABLED
  if (isSafeMethod(exchange.method)) return SAFE
  if (authenticatedBy !== 'cookie') return NOT_BY_COOKIE
  if (policy.isExempt(exchange)) return EXEMPT
  const origin = checkOrigin(exchange, policy.origin)
  if (origin.verdict === 'refuse') return refused(policy, origin.reason)
  if (policy.mode === 'origin') return passed(origin.reason)
  const token = exchange.header(policy.header) ?? field
  if (token === undefined || token === '') return refused(policy, 'missing-token')
  return verifyToken(token) ? passed('valid-token') : refused(policy, 'invalid-token')
}

const DISABLED: CsrfVerdict = Object.freeze({ verdict: 'pass', reason: 'disabled', varies: false })
const SAFE: CsrfVerdict = Object.freeze({ verdict: 'pass', reason: 'safe-method', varies: false })
const NOT_BY_COOKIE: CsrfVerdict = Object.freeze({ verdict: 'pass', reason: 'not-by-cookie', varies: false })
const EXEMPT: CsrfVerdict = Object.freeze({ verdict: 'pass', reason: 'exempt', varies: false })

function passed(reason: CsrfReason): CsrfVerdict {
  return { verdict: 'pass', reason, varies: true }
}

function refused(policy: CsrfPolicy, reason: CsrfReason): CsrfVerdict {
  return { verdict: policy.reportOnly ? 'report' : 'refuse', reason, varies: true }
}

function flag(value: unknown, option: keyof CsrfOptions): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true
  throw new ConfigError('ERR_OPTION', `Option csrf.${option} must be true or false.`)
}

function headerName(name: unknown): string {
  if (typeof name === 'string' && /^[\w!#$%&'*+.^`|~-]{1,64}$/.test(name)) return name.toLowerCase()
  throw new ConfigError('ERR_OPTION', 'Option csrf.header must be a header name.')
}

function ownOrigins(origins: readonly string[]): ReadonlySet<string> {
  const set = originSet(origins, 'origins')
  if (set.size > 0) return set
  throw new ConfigError(
    'ERR_OPTION',
    'Option csrf.origins must name at least one origin; leave it out to use the host of the request.',
  )
}

function originSet(origins: readonly string[], option: keyof CsrfOptions): ReadonlySet<string> {
  if (!Array.isArray(origins)) {
    throw new ConfigError('ERR_OPTION', `Option csrf.${option} must be a list of origins.`)
  }
  return new Set(origins.map((origin, index) => requireOrigin(origin, `csrf.${option}[${index}]`)))
}

function resolveExemptions(exempt: NonNullable<CsrfOptions['unsafeExempt']>): CsrfPolicy['isExempt'] {
  // `=== true`: an async function would answer with a promise, and exempt everything.
  if (typeof exempt === 'function') return (exchange) => exempt(exchange) === true
  if (!Array.isArray(exempt)) {
    throw new ConfigError('ERR_OPTION', 'Option csrf.unsafeExempt must be a list of paths or a function.')
  }
  const exact = new Set<string>()
  const below: string[] = []
  for (const [index, pattern] of exempt.entries()) {
    const path = requirePattern(pattern, `csrf.unsafeExempt[${index}]`)
    if (path.endsWith('/*')) below.push(path.slice(0, -1))
    else exact.add(path)
  }
  if (exact.size === 0 && below.length === 0) return () => false
  return (exchange) => {
    const path = pathOf(exchange.url)
    return isPlain(path) && (exact.has(path) || below.some((start) => path.startsWith(start)))
  }
}

function requirePattern(pattern: unknown, option: string): string {
  const path = typeof pattern === 'string' && pattern !== '/*' ? pattern.replace(/\/\*$/, '/') : ''
  if (path.startsWith('/') && isPlain(path) && !path.includes('*') && !path.includes('?'))
    return pattern as string
  throw new ConfigError(
    'ERR_OPTION',
    `Option ${option} must be a path such as /callback or /callback/*, without escapes.`,
  )
}

/** Whether a router could not read the path in another way than it is written. */
function isPlain(path: string): boolean {
  return !/%|\\|;|\/\/|\/\.{1,2}(?:\/|$)/.test(path)
}
