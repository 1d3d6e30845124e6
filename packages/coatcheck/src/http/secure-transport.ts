import { UsageError } from '../core/errors.ts'
import type { Connection } from './exchange.ts'
import { hostnameOf, isLoopbackAddress, isLoopbackHost } from './host.ts'

/** Why a request may not carry a session: */
export type InsecureReason =
  /** plain HTTP from somewhere else than this machine. */
  | 'no-tls'
  /** plain HTTP as far as we know, and a proxy that the framework does not trust may say otherwise. */
  | 'untrusted-proxy'
  /** a proxy that the framework trusts reports plain HTTP. */
  | 'proxy-reports-http'
  /** the host is that of this machine, but the client is not on it: a proxy rewrites `Host`. */
  | 'not-loopback'

export type TransportVerdict =
  | { readonly secure: true }
  | { readonly secure: false; readonly reason: InsecureReason; readonly explanation: string }

/**
 * Whether a session may travel on this connection: HTTPS, or HTTP that does not leave this machine. Decided from the
 * connection alone: never from `NODE_ENV`, and forwarding headers of a proxy that is not trusted change nothing but the
 * explanation (TRN-01, TRN-05).
 *
 * Loopback means that browsers asked for this very machine (`Host`) and that the client is on it. Where the platform
 * does not tell the client's address the host decides; a browser elsewhere never asks for `localhost`.
 */
export function assessTransport(connection: Connection): TransportVerdict {
  if (connection.encrypted) return SECURE
  const hostname = hostnameOf(connection.host)
  if (hostname !== null && isLoopbackHost(hostname)) {
    const client = connection.proxy === 'trusted' ? connection.address : connection.remoteAddress
    return client === null || isLoopbackAddress(client) ? SECURE : INSECURE['not-loopback']
  }
  if (connection.proxy === 'trusted') return INSECURE['proxy-reports-http']
  return INSECURE[connection.proxy === 'untrusted-headers' ? 'untrusted-proxy' : 'no-tls']
}

/** Throws `ERR_INSECURE_TRANSPORT` with the explanation unless a session may travel here, or `allowHttp` (the option `unsafeAllowHttp`) permits it anyway. */
export function assertSecureTransport(connection: Connection, allowHttp: boolean): void {
  if (allowHttp) return
  const verdict = assessTransport(connection)
  if (!verdict.secure) throw new UsageError('ERR_INSECURE_TRANSPORT', verdict.explanation)
}

const SECURE: TransportVerdict = Object.freeze({ secure: true })

const INSECURE: { readonly [R in InsecureReason]: TransportVerdict } = {
  'no-tls': insecure('no-tls', 'the request came over plain HTTP. Serve HTTPS, or set unsafeAllowHttp.'),
  'untrusted-proxy': insecure(
    'untrusted-proxy',
    'the request came over plain HTTP from a proxy whose forwarding headers the framework does not trust. If TLS ends at that proxy, configure the framework to trust it.',
  ),
  'proxy-reports-http': insecure(
    'proxy-reports-http',
    'the trusted proxy reports that its client used plain HTTP. Serve HTTPS there, or let the proxy report the scheme (X-Forwarded-Proto).',
  ),
  'not-loopback': insecure(
    'not-loopback',
    'the request came over plain HTTP from another machine although its Host is this one. Let the proxy pass on the Host and the scheme that its client used, and configure the framework to trust it.',
  ),
}

function insecure(reason: InsecureReason, why: string): TransportVerdict {
  return Object.freeze({ secure: false, reason, explanation: `No session may travel here: ${why}` })
}
