import type { IncomingMessage } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ErrorCode } from '../core/errors.ts'
import { openUpgradedSession } from '../http/open-upgrade.ts'
import { isRefusal } from '../http/problem.ts'
import type { Session } from '../http/session.ts'
import type { Sessions } from '../http/sessions.ts'
import { skippedSession } from '../http/skipped-session.ts'
import type { UpgradeTickets } from '../http/tickets.ts'
import type { TrustProxy } from '../http/trusted-proxies.ts'
import { NO_RESPONSE, resolveOrigins } from '../http/upgrade.ts'
import { connectionOf, NodeExchange } from './node-exchange.ts'

export interface UpgradeOptions<D = never> {
  /** Origins whose pages may connect. Default: the option `csrf.origins`, else scheme and host of the request itself. */
  readonly allowedOrigins?: readonly string[]
  /** Proxies whose `X-Forwarded-*` headers count. Default none. */
  readonly trustProxy?: TrustProxy
  /** For clients that cannot present their session here (`createUpgradeTickets`). Default none are taken. */
  readonly tickets?: UpgradeTickets<D>
}

export type UpgradeResult<D> =
  | {
      readonly ok: true
      /** For reading; a connection cannot set cookies, and its session is not written to. */
      readonly session: Session<D>
      /** Aborts when the session ends, here or on another node: close the connection with it. For a visitor without a session it never does. */
      readonly signal: AbortSignal
    }
  /** `origin`: the page that connects is not among the allowed ones; `ticket`: what it came with is none, or not any more. */
  | { readonly ok: false; readonly status: number; readonly reason: 'origin' | 'ticket' | ErrorCode }

/**
 * The session of a WebSocket's opening request, from a server's `upgrade` event. Checks `Origin`, which browsers do not
 * (TRN-08), before the session is looked at. An anonymous session is an answer too: whether a user is needed is the
 * application's to say.
 *
 * @example
 * ```ts
 * server.on('upgrade', async (request, socket, head) => {
 *   const upgrade = await openUpgrade(sessions, request)
 *   if (!upgrade.ok) return refuseUpgrade(socket, upgrade.status)
 *   webSockets.handleUpgrade(request, socket, head, (webSocket) => {
 *     closeWithSession(sessions, upgrade.session, webSocket)
 *   })
 * })
 * ```
 */
export async function openUpgrade<D>(
  sessions: Sessions<D>,
  request: IncomingMessage,
  options: UpgradeOptions<D> = {},
): Promise<UpgradeResult<D>> {
  const exchange = new NodeExchange(request, NO_RESPONSE, {
    url: request.url,
    connect: () => connectionOf(request, options.trustProxy),
  })
  const { allowedOrigins, tickets } = options
  const origins =
    allowedOrigins === undefined
      ? sessions.http.csrf.origin.origins
      : resolveOrigins(allowedOrigins, 'allowedOrigins')
  try {
    const upgrade = await openUpgradedSession(sessions, exchange, { origins, tickets })
    if (!upgrade.ok) return upgrade
    const { opened } = upgrade
    if (!opened) return { ok: true, session: skippedSession(sessions), signal: new AbortController().signal }
    sessions.attach(request, opened.session)
    request.socket.once('close', () => opened.close())
    return { ok: true, session: opened.session, signal: opened.session.signal }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { ok: false, status: error.status, reason: error.code }
  }
}

/** Answers an upgrade with an HTTP status instead, and closes the socket. */
export function refuseUpgrade(socket: Duplex, status: number): void {
  // The server has taken its own listeners off, so that a client that is gone already would end the process.
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n`,
  )
}
