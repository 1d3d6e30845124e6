import { hasApiKeyForm, hasTokenForm, holdsSessionToken } from '../core/token-forms.ts'
import { type Authorization, authorizations } from './authorization.ts'
import type { Exchange } from './exchange.ts'

/** What a request presents as an API key; nothing of it is checked but its form. */
export type ApiKeyCredentials =
  | { readonly outcome: 'none' }
  | { readonly outcome: 'presented'; readonly text: string }
  /** Another key, or a session token of ours, came beside it (TRN-04): nobody can tell whose request it is. */
  | { readonly outcome: 'ambiguous' }

/**
 * Finds the API key in a request: in `x-api-key`, whatever that holds, or as a Bearer token of a key's form. Nothing else
 * is read, the URL least of all (API-03, TRN-03); foreign values of `Authorization` are none of our business.
 */
export function findApiKey(exchange: Exchange): ApiKeyCredentials {
  const own = exchange.header('x-api-key')
  const all = authorizations(exchange)
  const [bearer, ...more] = all.filter(isKey)
  const inHeader = own === undefined ? 0 : countKeys(own)
  const text = bearer?.token ?? own
  if (text === undefined) return NONE
  // An Authorization field too many beside ours is one that somebody else may believe.
  if (bearer && (own !== undefined || more.length > 0 || all.length > 1)) return AMBIGUOUS
  if (inHeader > 1) return AMBIGUOUS
  // What is no key at all is refused for that.
  if ((bearer || inHeader === 1) && hasSessionToken(exchange, all)) return AMBIGUOUS
  return { outcome: 'presented', text }
}

/** Whether a key came where keys are read: whoever else would take the request for a session's must not (TRN-04). */
export function presentsApiKey(exchange: Exchange): boolean {
  const own = exchange.header('x-api-key')
  if (own !== undefined && countKeys(own) > 0) return true
  return authorizations(exchange).some(isKey)
}

const NONE: ApiKeyCredentials = Object.freeze({ outcome: 'none' })
const AMBIGUOUS: ApiKeyCredentials = Object.freeze({ outcome: 'ambiguous' })

/** Keys in one header: some platforms join several of them with commas. */
function countKeys(header: string): number {
  if (!header.includes(',')) return hasApiKeyForm(header) ? 1 : 0
  return header.split(',').filter((part) => hasApiKeyForm(part.trim())).length
}

function isKey(one: Authorization | null): boolean {
  return one?.scheme === 'bearer' && hasApiKeyForm(one.token)
}

/** Under any name, since an application may have several kinds of session. */
function hasSessionToken(exchange: Exchange, all: readonly (Authorization | null)[]): boolean {
  if (all.some((one) => one !== null && hasTokenForm(one.token))) return true
  const cookies = exchange.header('cookie')
  return cookies !== undefined && holdsSessionToken(cookies)
}
