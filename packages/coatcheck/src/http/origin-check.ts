import type { Exchange } from './exchange.ts'
import { originOfHost, originOfUrl, parseOrigin } from './host.ts'

/** Which origins may send unsafe requests, in the spelling of `parseOrigin`. */
export interface OriginPolicy {
  /** The public origins of this application; `null`: the origin that the request was sent to. */
  readonly origins: ReadonlySet<string> | null
  /** Other hosts of the same site that are trusted as much as this one. */
  readonly siblings: ReadonlySet<string>
  /** Origins of other sites that may act for the user. */
  readonly crossSite: ReadonlySet<string>
}

/** Why a request counts as sent by the application's own pages: */
export type PassReason =
  /** GET, HEAD and OPTIONS change nothing. */
  | 'safe-method'
  | 'same-origin'
  /** `Sec-Fetch-Site: none`: typed, a bookmark, restored; no page caused it. */
  | 'user-navigation'
  /** Sent by a declared sibling, or by a declared origin of another site. */
  | 'declared-origin'

/** Why it does not: */
export type RefuseReason =
  /** `Sec-Fetch-Site` says that a page of another site sent it. */
  | 'cross-site'
  /** `Sec-Fetch-Site` says that an undeclared host of the same site sent it. */
  | 'same-site'
  /** `Origin: null`: a sandboxed frame, a redirect across origins, a local file. */
  | 'opaque-origin'
  | 'malformed-origin'
  | 'foreign-origin'
  | 'foreign-referer'
  /** Neither `Sec-Fetch-Site` nor `Origin` nor `Referer`: not a browser's request, or somebody removed them. */
  | 'no-evidence'

export type OriginVerdict =
  | { readonly verdict: 'pass'; readonly reason: PassReason }
  | { readonly verdict: 'refuse'; readonly reason: RefuseReason }

/**
 * Whether an unsafe request was caused by the application's own pages, by what browsers say and no page can forge:
 * `Sec-Fetch-Site`, else `Origin`, else `Referer` (CSRF-06, CSRF-07). Safe methods pass unread. Nothing else is
 * evidence: neither a custom header nor a content type (CSRF-09).
 */
export function checkOrigin(exchange: Exchange, policy: OriginPolicy): OriginVerdict {
  return isSafeMethod(exchange.method) ? pass('safe-method') : checkSource(exchange, policy)
}

/** The same whatever the method: for a login, and for a WebSocket's opening GET (TRN-08). */
export function checkSource(exchange: Exchange, policy: OriginPolicy): OriginVerdict {
  switch (exchange.header('sec-fetch-site')) {
    case 'same-origin':
      return pass('same-origin')
    case 'none':
      return pass('user-navigation')
    case 'same-site':
      return isDeclared(exchange, policy, true) ? pass('declared-origin') : refuse('same-site')
    case 'cross-site':
      return isDeclared(exchange, policy, false) ? pass('declared-origin') : refuse('cross-site')
    default:
      // Absent, or a value that no specification knows: as if absent.
      return checkOriginHeader(exchange, policy)
  }
}

/** Methods that change nothing by definition (RFC 9110, 9.2.1). They are compared exactly: `get` is another method. */
export function isSafeMethod(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

function checkOriginHeader(exchange: Exchange, policy: OriginPolicy): OriginVerdict {
  const header = exchange.header('origin')
  if (header === undefined) return checkReferer(exchange, policy)
  if (header === 'null') return refuse('opaque-origin')
  const origin = parseOrigin(header)
  if (origin === null) return refuse('malformed-origin')
  return judge(origin, exchange, policy) ?? refuse('foreign-origin')
}

function checkReferer(exchange: Exchange, policy: OriginPolicy): OriginVerdict {
  const header = exchange.header('referer')
  if (header === undefined) return refuse('no-evidence')
  const origin = originOfUrl(header)
  return (origin === null ? null : judge(origin, exchange, policy)) ?? refuse('foreign-referer')
}

function judge(origin: string, exchange: Exchange, policy: OriginPolicy): OriginVerdict | null {
  if (isOwn(origin, exchange, policy)) return pass('same-origin')
  return policy.siblings.has(origin) || policy.crossSite.has(origin) ? pass('declared-origin') : null
}

/** Configured origins alone where there are any; a `Host` that the framework vouches for otherwise (CSRF-08). */
function isOwn(origin: string, exchange: Exchange, policy: OriginPolicy): boolean {
  if (policy.origins !== null) return policy.origins.has(origin)
  const { encrypted, host } = exchange.connection
  return origin === originOfHost(encrypted, host)
}

/** Whether the page that `Sec-Fetch-Site` calls foreign is a declared one; only `Origin` says which page it is. */
function isDeclared(exchange: Exchange, policy: OriginPolicy, sameSite: boolean): boolean {
  const origin = parseOrigin(exchange.header('origin') ?? '')
  if (origin === null) return false
  if (policy.crossSite.has(origin)) return true
  // An application with several public origins; what `Host` says is no declaration.
  return sameSite && (policy.siblings.has(origin) || policy.origins?.has(origin) === true)
}

function pass(reason: PassReason): OriginVerdict {
  return { verdict: 'pass', reason }
}

function refuse(reason: RefuseReason): OriginVerdict {
  return { verdict: 'refuse', reason }
}
