import { type Duration, toMilliseconds } from '../core/duration.ts'
import { toBase64Url } from '../core/encoding.ts'
import type { Environment } from '../core/environment.ts'
import { ConfigError } from '../core/errors.ts'
import { assertKnownKeys } from '../core/option-checks.ts'
import { systemEnvironment } from '../core/platform.ts'
import type { HeaderRecord } from './cors.ts'

export interface ContentSecurityPolicyOptions {
  /** From `createNonce()`, fresh for each response; scripts and styles that carry it run. Without one only files of this origin do. */
  readonly nonce?: string
  /** Directives to put in the place of the defaults, or to add: `{ 'img-src': ["'self'", 'https://cdn.example'] }`. */
  readonly directives?: Readonly<Record<string, readonly string[]>>
  /** Who may frame the page. Default nobody. */
  readonly frameAncestors?: readonly string[]
  /** Name of an endpoint of `Reporting-Endpoints` that is told of violations. */
  readonly reportTo?: string
}

export interface SecurityHeadersOptions {
  /** `Strict-Transport-Security`; `false`: none. Default two years, with sub-domains. Browsers ignore it over plain HTTP. */
  readonly hsts?:
    | { readonly maxAge?: Duration; readonly includeSubDomains?: boolean; readonly preload?: boolean }
    | false
  /** A whole policy. Default `contentSecurityPolicy()`: files of this origin alone, no inline scripts. */
  readonly contentSecurityPolicy?: string
  /** Default `no-referrer`: URLs of pages around sign-in can hold codes. */
  readonly referrerPolicy?: string
  /** Which sites may load the response as an image, a script and so on. Default `same-origin`. */
  readonly crossOriginResourcePolicy?: 'same-origin' | 'same-site' | 'cross-origin'
  /** Which windows share a browsing context group with the page. Default `same-origin`. */
  readonly crossOriginOpenerPolicy?:
    | 'same-origin'
    | 'same-origin-allow-popups'
    | 'noopener-allow-popups'
    | 'unsafe-none'
}

export const SECURITY_HEADER_DEFAULTS = Object.freeze({
  hsts: Object.freeze({ maxAge: '730d', includeSubDomains: true, preload: false }),
  referrerPolicy: 'no-referrer',
  crossOriginResourcePolicy: 'same-origin',
  crossOriginOpenerPolicy: 'same-origin',
} as const satisfies Omit<SecurityHeadersOptions, 'contentSecurityPolicy'>)

/** 128 random bits for `contentSecurityPolicy`, as text that needs no escaping in HTML. One per response. */
export function createNonce(environment: Environment = systemEnvironment): string {
  return toBase64Url(environment.randomBytes(16))
}

/**
 * A `Content-Security-Policy` for pages (HDR-02, HDR-04): files of this origin, scripts and styles with the nonce,
 * no plug-ins, no `<base>`, no inline handlers, no framing. Whatever could end a directive early throws `ERR_OPTION`.
 */
export function contentSecurityPolicy(options: ContentSecurityPolicyOptions = {}): string {
  assertKnownKeys(options, ['nonce', 'directives', 'frameAncestors', 'reportTo'], 'contentSecurityPolicy')
  const source = options.nonce === undefined ? "'self'" : `'nonce-${requireNonce(options.nonce)}'`
  const directives: Record<string, readonly string[]> = {
    'default-src': ["'self'"],
    'script-src': [source],
    'style-src': [...new Set(["'self'", source])],
    'img-src': ["'self'", 'data:'],
    'object-src': ["'none'"],
    'base-uri': ["'none'"],
    'form-action': ["'self'"],
    'frame-ancestors': options.frameAncestors ?? ["'none'"],
    ...options.directives,
    ...(options.reportTo === undefined ? {} : { 'report-to': [options.reportTo] }),
  }
  return Object.entries(directives)
    .map(([name, values]) => directive(name, values))
    .join('; ')
}

/**
 * The headers that ASVS 5 asks of every response, by lower-case name (HDR-01, HDR-03 to HDR-06). `X-Frame-Options`
 * repeats `frame-ancestors 'none'` for browsers that do not know it.
 */
export function securityHeaders(options: SecurityHeadersOptions = {}): HeaderRecord {
  assertKnownKeys(
    options,
    ['contentSecurityPolicy', ...Object.keys(SECURITY_HEADER_DEFAULTS)],
    'securityHeaders',
  )
  const resolved = { ...SECURITY_HEADER_DEFAULTS, ...options }
  const policy = headerText(options.contentSecurityPolicy ?? contentSecurityPolicy(), 'contentSecurityPolicy')
  return {
    ...(resolved.hsts === false ? {} : { 'strict-transport-security': hsts(resolved.hsts) }),
    'content-security-policy': policy,
    ...(/(?:^|;)\s*frame-ancestors\s+'none'/i.test(policy) ? { 'x-frame-options': 'DENY' } : {}),
    'x-content-type-options': 'nosniff',
    'referrer-policy': headerText(resolved.referrerPolicy, 'referrerPolicy'),
    'cross-origin-resource-policy': headerText(
      resolved.crossOriginResourcePolicy,
      'crossOriginResourcePolicy',
    ),
    'cross-origin-opener-policy': headerText(resolved.crossOriginOpenerPolicy, 'crossOriginOpenerPolicy'),
  }
}

function hsts(options: Exclude<NonNullable<SecurityHeadersOptions['hsts']>, false>): string {
  assertKnownKeys(options, Object.keys(SECURITY_HEADER_DEFAULTS.hsts), 'securityHeaders.hsts')
  const { maxAge, includeSubDomains, preload } = { ...SECURITY_HEADER_DEFAULTS.hsts, ...options }
  const seconds = Math.floor(toMilliseconds(maxAge, 'securityHeaders.hsts.maxAge', 0) / 1000)
  return `max-age=${seconds}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`
}

function requireNonce(nonce: unknown): string {
  if (typeof nonce === 'string' && /^[\w+/-]{22,128}={0,2}$/.test(nonce)) return nonce
  throw new ConfigError(
    'ERR_OPTION',
    'Option contentSecurityPolicy.nonce must be at least 128 bits in base64, fresh for each response: use createNonce().',
  )
}

function directive(name: string, values: readonly string[]): string {
  const bad = !/^[a-z-]+$/.test(name) || values.some((value) => !/^[!-+\--:<-~]+$/.test(value))
  if (!bad) return [name, ...values].join(' ')
  throw new ConfigError(
    'ERR_OPTION',
    `Option contentSecurityPolicy.directives.${name.slice(0, 40)} must be a list of sources without blanks, commas, semicolons or non-ASCII characters.`,
  )
}

function headerText(value: unknown, option: keyof SecurityHeadersOptions): string {
  if (typeof value === 'string' && /^[ -~]+$/.test(value)) return value
  throw new ConfigError('ERR_OPTION', `Option securityHeaders.${option} must be printable ASCII text.`)
}
