import { type Duration, toMilliseconds } from '../core/duration.ts'
import { AccessError, ConfigError } from '../core/errors.ts'
import type { RequestContext, TicketRefusal } from '../core/events.ts'
import { OneTimeRecords } from '../core/one-time.ts'
import { assertKnownKeys } from '../core/option-checks.ts'
import type { SessionId } from '../core/record.ts'
import { parseOrigin, requireOrigin } from './host.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

export interface TicketOptions {
  /** Origins of the pages that may connect with a ticket. Clients that are no pages have none. */
  readonly origins: readonly string[]
  /** How long a ticket is good. Default `'30s'`, at most `'60s'`. */
  readonly expiresIn?: Duration
}

export type Redeemed =
  | { readonly ok: true; readonly session: SessionId }
  | { readonly ok: false; readonly reason: TicketRefusal }

/**
 * Tickets for WebSockets of clients that cannot present their session with the opening request: browsers let pages set no
 * header there, and send no cookie to another site. A ticket is good once, for 30 seconds, for pages of one origin, and while
 * the session lives that it was issued in (TRN-08).
 *
 * It may travel in the URL (`?ticket=`), the one thing of ours that may: what is left of it in logs is used up, over in
 * seconds, and of no use to a page of another origin. The subprotocol `ticket.<ticket>`, offered behind the one that is
 * spoken, keeps it out of logs altogether.
 */
export function createUpgradeTickets<D>(sessions: Sessions<D>, options: TicketOptions): UpgradeTickets<D> {
  return new UpgradeTickets(sessions, options)
}

const MOST_EXPIRES_IN = 60_000
const TICKET = /^[\w-]{32}$/

export class UpgradeTickets<D> {
  readonly #sessions: Sessions<D>
  readonly #origins: ReadonlySet<string>
  readonly #expiresIn: number
  readonly #codes: OneTimeRecords

  constructor(sessions: Sessions<D>, options: TicketOptions) {
    assertKnownKeys(options, ['origins', 'expiresIn'], 'tickets')
    const { origins, expiresIn = '30s' } = options
    if (!Array.isArray(origins)) throw new ConfigError('ERR_OPTION', 'Option tickets.origins must be a list.')
    this.#sessions = sessions
    this.#origins = new Set(
      origins.map((origin, index) => requireOrigin(origin, `tickets.origins[${index}]`)),
    )
    this.#expiresIn = toMilliseconds(expiresIn, 'tickets.expiresIn')
    if (this.#expiresIn > MOST_EXPIRES_IN) {
      throw new ConfigError('ERR_OPTION', 'Option tickets.expiresIn must not exceed 60s.')
    }
    this.#codes = new OneTimeRecords(sessions.manager, 'ticket')
  }

  /**
   * A ticket for whoever made this request: `origin` is its `Origin` header, `undefined` of a client that is no page. Give it
   * in the body of a `no-store` response to a POST. Throws `ERR_UNAUTHENTICATED` without a session, `ERR_CSRF` for an origin
   * that is not among the option's.
   */
  async issue(session: Session<D>, request: { readonly origin: string | undefined }): Promise<string> {
    const { id } = session
    if (id === null) throw new AccessError('ERR_UNAUTHENTICATED', 'Sign in to connect.')
    const origin = request.origin === undefined ? null : parseOrigin(request.origin)
    const isAllowed = origin === null ? request.origin === undefined : this.#origins.has(origin)
    if (!isAllowed) throw new AccessError('ERR_CSRF', 'Pages of this origin may not connect.')
    return await this.#codes.issue({ session: id, origin }, this.#expiresIn)
  }

  /** For adapters: whose ticket it is, used up whatever the answer. `origin` is the `Origin` header of who comes with it. */
  async redeem(ticket: string, origin: string | undefined, context: RequestContext): Promise<Redeemed> {
    const redeemed = await this.#redeem(ticket, origin)
    if (!redeemed.ok) this.refused(redeemed.reason, context)
    return redeemed
  }

  /** For adapters: reports a ticket that could not be accepted. */
  refused(reason: TicketRefusal, context: RequestContext): void {
    const { events, settings } = this.#sessions.manager
    const at = settings.environment.now()
    events.emit('ticket-refused', { at, sessionId: null, userId: null, context, reason })
  }

  async #redeem(ticket: string, header: string | undefined): Promise<Redeemed> {
    if (!TICKET.test(ticket)) return { ok: false, reason: 'malformed' }
    const data = await this.#codes.redeem(ticket)
    if (typeof data === 'string') return { ok: false, reason: data }
    const { session, origin } = data as { readonly session: SessionId; readonly origin: string | null }
    const came = header === undefined ? null : (parseOrigin(header) ?? 'null')
    return came === origin ? { ok: true, session } : { ok: false, reason: 'origin' }
  }
}
