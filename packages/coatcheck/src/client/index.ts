import { type BearerClient, type BearerClientOptions, createBearerClient } from './bearer-client.ts'
import { type CookieClient, type CookieClientOptions, createCookieClient } from './cookie-client.ts'

export type { BearerClient, BearerClientOptions } from './bearer-client.ts'
export { createBearerClient } from './bearer-client.ts'
export type { Client, CommonOptions } from './client.ts'
export type { CookieClient, CookieClientOptions } from './cookie-client.ts'
export { createCookieClient } from './cookie-client.ts'
export type { ExpiringSoon, Remaining } from './countdown.ts'
export type { Fetch } from './outgoing.ts'
export type { ClientEnvironment } from './platform.ts'
export type { SessionEnd } from './session-life.ts'
export type { TokenResponse, TokenStorage } from './tokens.ts'

/**
 * The client of a session for pages and workers of browsers, and for rendering on a server: a `fetch` that adds what
 * authenticates, to the application's own API and to nobody else, and says when the session ends. A bundle that uses one mode
 * alone is smaller with `createCookieClient` or `createBearerClient`.
 *
 * @example
 * ```ts
 * import { createClient } from 'coatcheck/client'
 *
 * const client = createClient({ baseUrl: 'https://shop.example/api/', mode: 'cookie' })
 * client.onEnd(({ reason }) => console.log(`The session is over: ${reason}`))
 * const orders = await client.fetch('orders')
 * ```
 */
export function createClient(options: CookieClientOptions & { readonly mode: 'cookie' }): CookieClient
export function createClient(options: BearerClientOptions & { readonly mode: 'bearer' }): BearerClient
export function createClient(
  options:
    | (CookieClientOptions & { readonly mode: 'cookie' })
    | (BearerClientOptions & { readonly mode: 'bearer' }),
): CookieClient | BearerClient {
  if (options.mode === 'cookie') return createCookieClient(options)
  if (options.mode === 'bearer') return createBearerClient(options)
  throw new TypeError('mode is unknown.')
}
