import { ConfigError, UsageError } from '../core/errors.ts'
import type { Exchange, ResponseHeaders } from './exchange.ts'
import { originOfHost, parseOrigin } from './host.ts'

/**
 * Whether a page of this origin may open a WebSocket here (TRN-08). Browsers do not keep other sites from doing so and
 * send the cookie along, and `Origin` with it; so it must be there and match exactly. Without a cookie the request carries
 * only what its sender knows, and only an `Origin` that is there has to match.
 */
export function mayUpgrade(exchange: Exchange, allowed: ReadonlySet<string> | null): boolean {
  const header = exchange.header('origin')
  if (header === undefined) return exchange.header('cookie') === undefined
  const origin = parseOrigin(header)
  if (origin === null) return false
  if (allowed !== null) return allowed.has(origin)
  const { encrypted, host } = exchange.connection
  return origin === originOfHost(encrypted, host)
}

/** Origins in the one spelling that can be compared; anything else is `ERR_OPTION`. */
export function resolveOrigins(origins: readonly string[], option: string): ReadonlySet<string> {
  return new Set(
    origins.map((text, index) => {
      const origin = parseOrigin(text)
      if (origin !== null) return origin
      throw new ConfigError(
        'ERR_OPTION',
        `Option ${option}[${index}] must be an origin such as https://shop.example.`,
      )
    }),
  )
}

/** Of an upgraded connection: there is no response that could carry a cookie. */
export const NO_RESPONSE: ResponseHeaders = Object.freeze({
  sent: true,
  get: () => undefined,
  set: cannotSet,
  setCookies: () => [],
  appendSetCookie: cannotSet,
  replaceSetCookies: cannotSet,
})

function cannotSet(): never {
  throw new UsageError('ERR_HEADERS_SENT', 'An upgraded connection has no response headers.')
}
