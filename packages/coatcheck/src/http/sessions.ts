import { UsageError } from '../core/errors.ts'
import type { EventName, Events, SessionEvent, SessionEvents } from '../core/events.ts'
import type { LoginAttempt } from '../core/issuer.ts'
import { listAll } from '../core/list-all.ts'
import type { SessionManager } from '../core/manager.ts'
import type { Metric } from '../core/metrics.ts'
import type { EndReason, SessionId } from '../core/record.ts'
import type { SessionInfo, SessionPage } from '../core/session-info.ts'
import type { StoreHealth } from '../core/store.ts'
import { describePolicy, type PolicyDescription } from './describe-policy.ts'
import type { HttpSettings } from './http-options.ts'
import type { Session } from './session.ts'

/**
 * The sessions of one application: made once by `createSessions`, given to an adapter's middleware, asked for a
 * request's session, and used to administer all of them.
 */
export class Sessions<D> {
  /** The lifecycle without HTTP: tokens, records and time. */
  readonly manager: SessionManager
  /** For adapters. */
  readonly http: HttpSettings
  /**
   * Property of a request that holds its session. A WeakMap would keep every request until the next full garbage
   * collection, which cost more than all the rest of validation.
   */
  readonly #key = Symbol('coatcheck session')
  /** For carriers that take no property. */
  readonly #byCarrier = new WeakMap<object, Session<D>>()

  constructor(manager: SessionManager, http: HttpSettings) {
    this.manager = manager
    this.http = http
  }

  /** The session of a request (`req`, `request`, `ctx`, `c`); `ERR_NO_SESSION_CONTEXT` where no adapter has opened one. */
  of(carrier: object): Session<D> {
    const session = (carrier as Carrier<D>)[this.#key] ?? this.#byCarrier.get(carrier)
    if (session) return session
    throw new UsageError(
      'ERR_NO_SESSION_CONTEXT',
      'This request has no session: mount the session middleware before the handler, and do not skip the path by policy.',
    )
  }

  /** For adapters: lets `of` find the session by this object. */
  attach(carrier: object, session: Session<D>): void {
    if (Object.isExtensible(carrier)) (carrier as Carrier<D>)[this.#key] = session
    else this.#byCarrier.set(carrier, session)
  }

  /** Before a password check; give the attempt to `session.login`, so that the old password loses against its change. */
  beginLogin(userId: string): Promise<LoginAttempt> {
    return this.manager.beginLogin(userId)
  }

  /** Live sessions of a user, newest first, in pages of at most 1,000 (default 100). */
  list(
    userId: string,
    page?: { readonly limit?: number; readonly cursor?: string | null },
  ): Promise<SessionPage> {
    return this.manager.list(userId, page)
  }

  /**
   * Live sessions of everybody, those of visitors too, in an order that means nothing: for administration. A page may have
   * fewer than `limit` (default 100, at most 1,000), and still not be the last; a session may be on two pages, none is left out.
   */
  listAll(page?: { readonly limit?: number; readonly cursor?: string | null }): Promise<SessionPage> {
    return listAll(this.manager, page)
  }

  /** One live session by its public id, or `null`. */
  find(id: string): Promise<SessionInfo | null> {
    return this.manager.find(id)
  }

  /** Ends one session; `false` if none of that id (and, with `ofUser`, of that user) was live. */
  revoke(id: string, options?: { readonly reason?: EndReason; readonly ofUser?: string }): Promise<boolean> {
    return this.manager.revoke(id, options)
  }

  /** Ends all sessions of a user but `except`; answers how many. */
  revokeUser(
    userId: string,
    options?: { readonly except?: SessionId | readonly SessionId[]; readonly reason?: EndReason },
  ): Promise<number> {
    return this.manager.revokeUser(userId, options)
  }

  /** Ends every session in the store at once. */
  revokeEveryone(options?: { readonly reason?: EndReason }): Promise<void> {
    return this.manager.revokeEveryone(options)
  }

  /** Subscribes to an event, or to all with `'*'`; returns the unsubscriber. */
  on<N extends EventName>(
    name: N,
    listener: (event: SessionEvents[N] & { readonly name: N }) => unknown,
  ): () => void
  on(name: '*', listener: (event: SessionEvent) => unknown): () => void
  on(...subscription: Parameters<Events['on']>): () => void {
    return this.manager.events.on(...subscription)
  }

  /** The policy in force, for audits: every limit and rule with the standard's figure beside it (EXP-09). */
  describePolicy(): PolicyDescription {
    return describePolicy(this.manager.settings, this.http)
  }

  /** Opens store and keys now, so that trouble shows at start-up instead of at the first request. */
  open(): Promise<void> {
    return this.manager.open()
  }

  /** Records what is still to be recorded and releases the store. */
  close(): Promise<void> {
    return this.manager.close()
  }

  /** Waits until activity noted so far is in the store. */
  flush(): Promise<void> {
    return this.manager.flush()
  }

  /** Ends what is past its deadline now; answers how many sessions. */
  sweep(): Promise<number> {
    return this.manager.sweep()
  }

  /**
   * What this process has counted since it started, and how things are: for a `/metrics` endpoint (`toPrometheusText`) or
   * the observable instruments of OpenTelemetry. Numbers only; says nothing about anybody.
   */
  metrics(): readonly Metric[] {
    return this.manager.metrics()
  }

  health(): Promise<StoreHealth> {
    return this.manager.health()
  }
}

interface Carrier<D> {
  [key: symbol]: Session<D> | undefined
}
