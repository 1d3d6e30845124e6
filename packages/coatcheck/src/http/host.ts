import { ConfigError } from '../core/errors.ts'

/** Host names and addresses as they appear in `Host`, `Origin` and socket addresses. */

/** The host of a `Host` header value without its port, in lower case; `null` where it is not one host. IPv6 keeps its brackets. */
export function hostnameOf(host: string | undefined): string | null {
  if (host === undefined) return null
  if (host !== last.host) last = { host, hostname: HOST.exec(host)?.[1]?.toLowerCase() ?? null }
  return last.hostname
}

/** The last one that was asked about: most requests are to the same host. */
let last: { readonly host: string; readonly hostname: string | null } = { host: '', hostname: null }

/** Whether browsers take this host for the machine they run on (W3C Secure Contexts 3.1): `localhost`, `*.localhost`, 127.0.0.0/8, `[::1]`. */
export function isLoopbackHost(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname === '127.0.0.1' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    LOOPBACK_V4.test(hostname)
  )
}

/** The same for the address of a socket's other end; an IPv4 address within IPv6 counts too. */
export function isLoopbackAddress(address: string): boolean {
  if (address === '127.0.0.1' || address === '::1') return true
  return LOOPBACK_V4.test(address.replace(/^::ffff:/i, ''))
}

/**
 * Scheme, host and port of an `Origin` header value, in the one spelling that can be compared: lower case, no default
 * port. `null` for `null`, and for anything that is not exactly an origin (path, credentials, blanks, non-ASCII).
 */
export function parseOrigin(text: string): string | null {
  if (!ORIGIN.test(text)) return null
  const url = URL.parse(text)
  if (url === null || url.hostname === '') return null
  // Schemes that URL does not know, such as capacitor:, have an opaque origin but are told apart by browsers all the same.
  return url.origin === 'null' ? `${url.protocol}//${url.host.toLowerCase()}` : url.origin
}

/** An origin from options, in the spelling that is compared; anything else throws `ERR_OPTION`. */
export function requireOrigin(origin: unknown, path: string): string {
  const parsed = typeof origin === 'string' ? parseOrigin(origin) : null
  if (parsed !== null && !(origin as string).includes('*')) return parsed
  throw new ConfigError(
    'ERR_OPTION',
    `Option ${path} must be an origin such as https://shop.example: scheme, host and port, no path, no wildcard.`,
  )
}

/** The origin of an absolute URL such as `Referer` holds; `null` where there is none. */
export function originOfUrl(text: string): string | null {
  const url = URL.parse(text)
  return url === null || url.origin === 'null' ? null : url.origin
}

/** The origin that a request was sent to, from scheme and `Host`; `null` where the host is not one. */
export function originOfHost(encrypted: boolean, host: string | undefined): string | null {
  return hostnameOf(host) === null ? null : parseOrigin(`${encrypted ? 'https' : 'http'}://${host}`)
}

const HOST = /^([\w.!$&'()*+,=~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i
const LOOPBACK_V4 = /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[!-"$&-.0->A-[\]-~]+$/i
