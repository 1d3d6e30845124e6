import type { Transport } from '../core/record.ts'
import { hasTokenForm, hasTokenInUrl } from '../core/token-forms.ts'
import { presentsApiKey } from './api-key-credentials.ts'
import { authorizations } from './authorization.ts'
import { findCookies } from './cookie.ts'
import type { Exchange } from './exchange.ts'

/** Where a request may carry a session token. Nothing else is read (TRN-03). */
export interface CredentialSources {
  /** Name of the session cookie; `null`: cookies are not used. */
  readonly cookieName: string | null
  /** Whether `Authorization: Bearer` is read. */
  readonly bearer: boolean
  /** Whether `Authorization: DPoP` is read as well (RFC 9449, 7.1). */
  readonly dpop: boolean
}

/** Longest `Cookie` header that is searched, in characters (CK-18). */
export const MAX_COOKIE_HEADER = 16_384

/** What a request presents as a session token; none of it is checked further than its form. */
export type Credentials =
  | {
      readonly outcome: 'none'
      /** Values of our cookie that are no token: the cookie is to be cleared. */
      readonly strays: number
      readonly tokenInUrl: boolean
    }
  | {
      readonly outcome: 'presented'
      readonly transport: Transport
      /**
       * Different tokens of our form, in the order they came; one by rights. Several cookies of one name are the mark
       * of cookie tossing (CK-11): try each. If exactly one is a live session it is the user's; if two different
       * sessions are alive nobody can tell whose request it is, and neither may be used.
       */
      readonly tokens: readonly string[]
      /** Came under the scheme DPoP, so that a proof has to come with it. */
      readonly dpop: boolean
      readonly strays: number
      readonly tokenInUrl: boolean
    }
  | { readonly outcome: 'refused'; readonly reason: RefusedCredentials; readonly tokenInUrl: boolean }

/** Why a request is refused before any token is looked at: */
export type RefusedCredentials =
  /** two tokens of ours on different transports, a session's beside an API key, or an `Authorization` field too many beside ours (TRN-04). */
  | 'ambiguous'
  /** a `Cookie` header longer than `MAX_COOKIE_HEADER`. */
  | 'oversized'

/**
 * Finds the session token in a request. Foreign values of `Authorization` are none of our business, several of them
 * included. A token of ours in the URL is never used, whatever else is there; it is reported, since by now it is in
 * logs and histories (TRN-03).
 */
export function findCredentials(exchange: Exchange, sources: CredentialSources): Credentials {
  const tokenInUrl = hasTokenInUrl(exchange.url)
  const bearers = sources.bearer ? findBearers(exchange, sources.dpop) : NO_BEARERS
  if (bearers === null) return { outcome: 'refused', reason: 'ambiguous', tokenInUrl }
  const header = sources.cookieName === null ? undefined : exchange.header('cookie')
  if (header !== undefined && header.length > MAX_COOKIE_HEADER) {
    return { outcome: 'refused', reason: 'oversized', tokenInUrl }
  }
  const values = header === undefined ? NONE : findCookies(header, sources.cookieName ?? '')
  const cookies = tokensAmong(values)
  if (bearers.tokens.length > 0 && cookies.length > 0)
    return { outcome: 'refused', reason: 'ambiguous', tokenInUrl }
  const strays = cookies === values ? 0 : values.filter((value) => !hasTokenForm(value)).length
  const tokens = bearers.tokens.length > 0 ? bearers.tokens : cookies
  if (tokens.length === 0) return { outcome: 'none', strays, tokenInUrl }
  if (presentsApiKey(exchange)) return { outcome: 'refused', reason: 'ambiguous', tokenInUrl }
  const transport = tokens === cookies ? 'cookie' : 'bearer'
  return { outcome: 'presented', transport, tokens, dpop: bearers.dpop, strays, tokenInUrl }
}

/** Tokens of ours in `Authorization`, and under which scheme they came. */
interface Bearers {
  readonly tokens: readonly string[]
  readonly dpop: boolean
}

const NONE: readonly string[] = Object.freeze([])
const NO_BEARERS: Bearers = Object.freeze({ tokens: NONE, dpop: false })

/** More cookies of one name than any honest client has; the rest is not looked up. */
const MOST_CANDIDATES = 8

function tokensAmong(values: readonly string[]): readonly string[] {
  const [only] = values
  if (only === undefined) return NONE
  if (values.length === 1) return hasTokenForm(only) ? values : NONE
  return [...new Set(values.filter(hasTokenForm))].slice(0, MOST_CANDIDATES)
}

/** Our token in `Authorization`, if any; `null` where it is not the only thing there. */
function findBearers(exchange: Exchange, dpop: boolean): Bearers | null {
  const all = authorizations(exchange)
  const ours = all.filter(
    (one) => one !== null && (dpop || one.scheme === 'bearer') && hasTokenForm(one.token),
  )
  const [only] = ours
  if (!only) return NO_BEARERS
  return all.length === 1 ? { tokens: [only.token], dpop: only.scheme === 'dpop' } : null
}
