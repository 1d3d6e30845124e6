import { nameOfSetCookie } from './cookie.ts'
import type { ResponseHeaders } from './exchange.ts'

/**
 * Puts `setCookie` into the response as the only one for its name (CK-08): whatever came before under that name is
 * replaced, so that the last intent wins. Cookies of other names stay as they are, in their order.
 */
export function putSetCookie(response: ResponseHeaders, setCookie: string): void {
  const name = nameOfSetCookie(setCookie)
  const others = response.setCookies().filter((other) => nameOfSetCookie(other) !== name)
  if (others.length === response.setCookies().length) response.appendSetCookie(setCookie)
  else response.replaceSetCookies([...others, setCookie])
}

/** Whether a `Set-Cookie` for this name is already in the response. */
export function hasSetCookie(response: ResponseHeaders, name: string): boolean {
  return response.setCookies().some((setCookie) => nameOfSetCookie(setCookie) === name)
}

/** Adds request header names to `Vary`, each once whatever its case; a `*` already says more. */
export function addVary(response: Pick<ResponseHeaders, 'get' | 'set'>, ...names: readonly string[]): void {
  const present = response.get('vary')
  if (present === undefined) {
    response.set('vary', names.join(', '))
    return
  }
  const known = listOf(present)
  if (known.includes('*')) return
  const missing = names.filter((name) => !known.includes(name.toLowerCase()))
  if (missing.length === 0) return
  response.set('vary', [...(present === '' ? [] : [present]), ...missing].join(', '))
}

/**
 * For a response that depends on the session: shared caches keep it for nobody else. `vary` names the headers that
 * carry the token. An application's own `Cache-Control` is left alone: it may know that this page is the same for all.
 */
export function markPersonal(response: ResponseHeaders, vary: readonly string[]): void {
  addVary(response, ...vary)
  if (response.get('cache-control') === undefined) response.set('cache-control', 'private')
}

/**
 * For a response that carries a credential (our `Set-Cookie`, a token in a header or the body): no cache may store it
 * (TRN-06). This overrides the application's own policy, on purpose: a page with `public, max-age=60` that happens to
 * rotate or clear a session would hand one visitor's token to all visitors of a shared cache. The fields that CDNs obey
 * before `Cache-Control` (RFC 9213) are overridden where the application set them.
 */
export function markSecret(response: ResponseHeaders): void {
  for (const name of TARGETED) {
    if (response.get(name) !== undefined) response.set(name, 'no-store')
  }
  if (!listOf(response.get('cache-control') ?? '').includes('no-store'))
    response.set('cache-control', 'no-store')
}

/** Whether every request is answered by the server itself: caches keep nothing of the response, or ask first. */
export function isAnsweredAfresh(response: ResponseHeaders): boolean {
  const rules = listOf(response.get('cache-control') ?? '')
  return rules.includes('no-store') || rules.includes('no-cache') || rules.join() === 'private'
}

const TARGETED = [
  'cdn-cache-control',
  'surrogate-control',
  'cloudflare-cdn-cache-control',
  'vercel-cdn-cache-control',
  'netlify-cdn-cache-control',
] as const

function listOf(value: string): string[] {
  return value.split(',').map((part) => part.trim().toLowerCase())
}
