import type { Exchange } from './exchange.ts'
import { Finisher } from './finisher.ts'
import { openSession } from './open-session.ts'
import type { OpenedSession } from './opened-session.ts'
import { RequestSession } from './request-session.ts'
import { RequestState } from './request-state.ts'
import { assessTransport } from './secure-transport.ts'
import type { Sessions } from './sessions.ts'
import type { UpgradeTickets } from './tickets.ts'
import { mayUpgrade } from './upgrade.ts'

export type OpenedUpgrade<D> =
  | { readonly ok: true; readonly opened: OpenedSession<D> | null }
  | { readonly ok: false; readonly status: 403 | 401; readonly reason: 'origin' | 'ticket' }

/** Query parameter that carries a ticket, and how a subprotocol begins that does. */
const TICKET = 'ticket'

/**
 * The session of a WebSocket's opening request: by its ticket where it comes with one and tickets are taken, else by what it
 * presents as any request does, if a page of an allowed origin sent it (TRN-08). `opened` is `null` where the policy skips the
 * request. Throws what `openSession` throws.
 */
export async function openUpgradedSession<D>(
  sessions: Sessions<D>,
  exchange: Exchange,
  options: {
    readonly mode?: 'read' | 'peek'
    readonly origins: ReadonlySet<string> | null
    readonly tickets?: UpgradeTickets<D> | undefined
  },
): Promise<OpenedUpgrade<D>> {
  const { origins, tickets, mode = 'read' } = options
  const ticket = tickets ? ticketOf(exchange) : null
  if (tickets && ticket !== null) return openWithTicket(sessions, exchange, tickets, ticket)
  if (!mayUpgrade(exchange, origins)) return { ok: false, status: 403, reason: 'origin' }
  return { ok: true, opened: await openSession(sessions, exchange, { mode }) }
}

async function openWithTicket<D>(
  sessions: Sessions<D>,
  exchange: Exchange,
  tickets: UpgradeTickets<D>,
  ticket: string,
): Promise<OpenedUpgrade<D>> {
  const { manager, http } = sessions
  const state = new RequestState(sessions, exchange, 'read')
  const { context } = state
  if (!http.unsafeAllowHttp && !assessTransport(exchange.connection).secure) {
    tickets.refused('insecure', context)
    return REFUSED
  }
  const redeemed = await tickets.redeem(ticket, exchange.header('origin'), context)
  if (!redeemed.ok) return REFUSED
  const active = await manager.resume(redeemed.session, context)
  if (active === null) {
    tickets.refused('session', context)
    return REFUSED
  }
  state.active = active
  return {
    ok: true,
    opened: new Finisher<D>(new RequestSession<D>(state), state, NEVER_ROTATES, false, null),
  }
}

const NEVER_ROTATES = Object.freeze({ rotate: false })

const REFUSED = Object.freeze({ ok: false, status: 401, reason: 'ticket' })

/** The ticket that a request brings; `null`: none. Two of them are none that could be good. */
function ticketOf(exchange: Exchange): string | null {
  const query = exchange.url.indexOf('?')
  const inQuery = query === -1 ? [] : new URLSearchParams(exchange.url.slice(query)).getAll(TICKET)
  const protocols = exchange.header('sec-websocket-protocol')?.split(',') ?? []
  const inProtocols = protocols.flatMap((text) => {
    const protocol = text.trim()
    return protocol.startsWith(`${TICKET}.`) ? [protocol.slice(TICKET.length + 1)] : []
  })
  const all = [...inQuery, ...inProtocols]
  return all.length > 1 ? '' : (all[0] ?? null)
}
