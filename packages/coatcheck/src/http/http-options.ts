import { ConfigError } from '../core/errors.ts'
import type { Lifetimes } from '../core/lifetimes.ts'
import { assertKnownKeys, oneOf } from '../core/option-checks.ts'
import type { CoreOptions } from '../core/options.ts'
import { CORE_KEYS } from '../core/options.ts'
import type { ProofVerifier } from '../core/proof-verifier.ts'
import type { Transport } from '../core/record.ts'
import type { Consistency } from '../core/validator.ts'
import {
  type ClientContextOptions,
  type ClientContextSettings,
  resolveClientContextOptions,
} from './client-context.ts'
import type { Cookie } from './cookie.ts'
import { assertPersistable, type CookieOptions, resolveCookieOptions, withoutTls } from './cookie-options.ts'
import { type CsrfOptions, type CsrfPolicy, resolveCsrfOptions } from './csrf.ts'
import type { BindingSettings } from './request-proof.ts'

/** What is known of a request before its session is looked at. */
export interface PolicyRequest {
  readonly method: string
  /** Path without query, as received. */
  readonly path: string
  header(name: string): string | undefined
}

/** What a request is allowed to do with its session; decided before validation. */
export interface RequestPolicy {
  /** No session handling at all: `sessions.of` throws, nothing is read or set. Default false. */
  readonly skip?: boolean
  /** Whether it counts as activity. Default true. */
  readonly touch?: boolean
  /** Whether its response may carry a rotated token. Default true. */
  readonly rotate?: boolean
  /** `strong`: the store is asked, whatever the near cache holds. Default `bounded`, by `maxStaleness`. */
  readonly consistency?: Consistency
  /**
   * When the store fails: refused with 503, or served from the near cache within `unsafeServeStale`. Default `serve-stale`
   * where that option is set, else `fail`.
   */
  readonly onOutage?: 'fail' | 'serve-stale'
}

export interface HttpOptions {
  readonly cookie?: CookieOptions
  /** Where tokens are accepted and issued; the first is the default of `login`. Default `['cookie']`. */
  readonly transports?: readonly Transport[]
  readonly csrf?: CsrfOptions
  /** What is kept of the client for device lists and events. */
  readonly device?: ClientContextOptions
  readonly policy?: (request: PolicyRequest) => RequestPolicy | undefined
  /** Checks proofs of possession (RFC 9449): `createDpop()` of `coatcheck/tokens`. Default none. */
  readonly dpop?: ProofVerifier
  /**
   * Whether bearer sessions are bound to a key of their client: `prefer`, where a login or first write comes with a proof;
   * `require`, or they are neither made nor accepted; `off`, not at all. Default `prefer` with `dpop`, else `off`.
   */
  readonly binding?: 'off' | 'prefer' | 'require'
  /**
   * Responses that depend on the session tell in a header `Session-Expires` how many seconds both of its limits leave, for
   * `coatcheck/client`. Pages of other origins see it where CORS exposes it. Default false.
   */
  readonly expiresHeader?: boolean
  /** Sessions over plain HTTP beyond this machine: anybody on the way can take them. Default false. */
  readonly unsafeAllowHttp?: boolean
}

/** Everything that `createSessions` understands. */
export type SessionsOptions = CoreOptions & HttpOptions

/** Resolved once at construction; frozen. */
export interface HttpSettings {
  readonly cookie: Cookie
  /** The cookie on an exchange without TLS, where `unsafeAllowHttp` permits one. */
  readonly plainCookie: Cookie
  readonly transports: readonly Transport[]
  readonly csrf: CsrfPolicy
  /** The part of `csrf` that headers alone decide, before the store is asked. */
  readonly originCsrf: CsrfPolicy
  readonly device: ClientContextSettings
  readonly policy: ((request: PolicyRequest) => RequestPolicy | undefined) | null
  /** `null`: bearer sessions are not bound to keys. */
  readonly binding: BindingSettings | null
  readonly expiresHeader: boolean
  readonly unsafeAllowHttp: boolean
  /** Options in force that weaken something, by path, and what that costs (P11). */
  readonly unsafe: readonly { readonly option: string; readonly consequence: string }[]
}

export const HTTP_DEFAULTS = Object.freeze({
  transports: Object.freeze(['cookie'] as const),
  expiresHeader: false,
  unsafeAllowHttp: false,
} as const satisfies HttpOptions)

const HTTP_KEYS: readonly (keyof HttpOptions)[] = [
  'cookie',
  'transports',
  'csrf',
  'device',
  'policy',
  'dpop',
  'binding',
  'expiresHeader',
  'unsafeAllowHttp',
]

/** Checks the names of all options, and the values of those that concern HTTP. */
export function resolveHttpOptions(options: SessionsOptions): HttpSettings {
  assertKnownKeys(options, [...CORE_KEYS, ...HTTP_KEYS])
  if (options.policy !== undefined && typeof options.policy !== 'function') {
    throw new ConfigError('ERR_OPTION', 'Option policy must be a function.')
  }
  const cookie = resolveCookieOptions(options.cookie)
  const csrf = resolveCsrfOptions(withPreset(options))
  return Object.freeze({
    cookie,
    plainCookie: withoutTls(cookie),
    transports: resolveTransports(options.transports ?? HTTP_DEFAULTS.transports),
    csrf,
    originCsrf: Object.freeze({ ...csrf, mode: csrf.mode === 'off' ? 'off' : 'origin' }),
    device: resolveClientContextOptions(options.device),
    policy: options.policy ?? null,
    binding: resolveBinding(options),
    expiresHeader: resolveFlag(options.expiresHeader, 'expiresHeader'),
    unsafeAllowHttp: resolveFlag(options.unsafeAllowHttp, 'unsafeAllowHttp'),
    unsafe: Object.freeze(unsafeOptions(options)),
  })
}

/** A persistent cookie that browsers would cut short throws `ERR_OPTION` (CK-16). */
export function assertPersistentLifetimes(lifetimes: Lifetimes): void {
  for (const [kind, { persistent, absolute }] of Object.entries(lifetimes)) {
    if (persistent) assertPersistable(absolute, `lifetimes.${kind}.absolute`)
  }
}

/** NIST SP 800-63B-4, 5.1 asks for a token in the request, not for header heuristics alone (CSRF-02). */
function withPreset({ preset, csrf = {} }: SessionsOptions): CsrfOptions {
  if (preset === undefined || csrf.mode !== undefined || csrf.unsafeDisabled) return csrf
  return { ...csrf, mode: 'token' }
}

function resolveBinding({ dpop, binding, transports = [] }: SessionsOptions): BindingSettings | null {
  const policy = oneOf(binding ?? (dpop ? 'prefer' : 'off'), ['off', 'prefer', 'require'], 'binding')
  if (dpop !== undefined && typeof dpop?.check !== 'function') {
    throw new ConfigError('ERR_OPTION', "Option dpop must be createDpop() of 'coatcheck/tokens'.")
  }
  if (policy === 'off') return null
  if (dpop === undefined || !transports.includes('bearer')) {
    throw new ConfigError(
      'ERR_OPTION',
      `Option binding: '${policy}' needs the option dpop and the transport 'bearer'.`,
    )
  }
  return Object.freeze({ policy, proofs: dpop })
}

function resolveFlag(value: unknown, path: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true
  throw new ConfigError('ERR_OPTION', `Option ${path} must be true or false.`)
}

function resolveTransports(transports: readonly Transport[]): readonly Transport[] {
  if (!Array.isArray(transports) || transports.length === 0) {
    throw new ConfigError('ERR_OPTION', "Option transports must list 'cookie', 'bearer' or both.")
  }
  for (const transport of transports) oneOf(transport, ['cookie', 'bearer'], 'transports')
  return Object.freeze([...new Set(transports)])
}

const CONSEQUENCES: readonly (readonly [string, (options: SessionsOptions) => unknown, string])[] = [
  ['unsafeAllowHttp', (o) => o.unsafeAllowHttp, 'anybody on the network path can take a session'],
  [
    'cookie.unsafeSameSiteNone',
    (o) => o.cookie?.unsafeSameSiteNone,
    'other sites can send requests with the cookie',
  ],
  ['csrf.unsafeDisabled', (o) => o.csrf?.unsafeDisabled, 'other sites can act for a signed-in user'],
  ['csrf.unsafeReportOnly', (o) => o.csrf?.unsafeReportOnly, 'forged requests are reported but not refused'],
  [
    'csrf.unsafeExempt',
    (o) => typeof o.csrf?.unsafeExempt === 'function' || o.csrf?.unsafeExempt?.length,
    'the exempt requests are not protected from forgery',
  ],
  [
    'csrf.unsafeCrossSiteOrigins',
    (o) => o.csrf?.unsafeCrossSiteOrigins?.length,
    'the listed sites can act for a signed-in user',
  ],
  [
    'unsafeServeStale',
    (o) => o.unsafeServeStale !== undefined && o.unsafeServeStale !== 0,
    'in an outage of the store, sessions that have ended go on for that long',
  ],
  ['onReuse', (o) => o.onReuse === 'report', 'a replayed token is reported but its session lives on'],
]

function unsafeOptions(options: SessionsOptions): { option: string; consequence: string }[] {
  return CONSEQUENCES.filter(([, isOn]) => isOn(options)).map(([option, , consequence]) => ({
    option,
    consequence,
  }))
}
