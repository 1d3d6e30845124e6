import type { ActiveSession } from '../core/active-session.ts'
import { UsageError } from '../core/errors.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { LifetimeKind } from '../core/record.ts'
import { type Cookie, serializeCookie, serializeDeletion } from './cookie.ts'
import { droppedByBrowser } from './cookie-options.ts'
import type { RequestPolicy } from './http-options.ts'
import type { OpenedSession } from './opened-session.ts'
import { NONCE_HEADER } from './request-proof.ts'
import type { RequestState } from './request-state.ts'
import { addVary, isAnsweredAfresh, markPersonal, markSecret, putSetCookie } from './response-headers.ts'
import { assessTransport } from './secure-transport.ts'
import type { Session } from './session.ts'
import { EXPIRES_HEADER, serializeExpires } from './session-status.ts'

/**
 * Request header by which a bearer client asks for rotation, and the response header that brings the successor, or the
 * token of a visitor's session that a first write has made.
 */
export const ROTATION_REQUEST_HEADER = 'session-rotation'
export const ROTATION_RESPONSE_HEADER = 'session-token'

/** What happens when a response's headers leave: commit, rotation, cookie, cache headers, in this order. */
export class Finisher<D> implements OpenedSession<D> {
  readonly session: Session<D>
  readonly #state: RequestState
  readonly #policy: RequestPolicy
  readonly #csrfVaries: boolean
  /** Where a cookie of our name that is not ours may sit. */
  readonly #foreign: Cookie | null
  #abandoned = false

  constructor(
    session: Session<D>,
    state: RequestState,
    policy: RequestPolicy,
    csrfVaries: boolean,
    foreign: Cookie | null,
  ) {
    this.session = session
    this.#state = state
    this.#policy = policy
    this.#csrfVaries = csrfVaries
    this.#foreign = foreign
  }

  finish(status = 200): MaybePromise<void> {
    const state = this.#state
    if (status >= 500) this.abandon()
    state.leaving = true
    if (this.#abandoned || !state.isDirty) return this.#settle()
    const committing = state.commit()
    state.seal()
    return committing.then(
      () => this.#settle(),
      (error) => {
        // The error's response is finished next, and writes nothing.
        this.abandon()
        state.leaving = false
        throw error
      },
    )
  }

  abandon(): void {
    this.#abandoned = true
    this.#state.dropWrites()
  }

  close(): void {
    this.#state.releaseSignal()
    if (!this.#state.hasWrites) return
    const fields = this.#state.dropWrites()
    const { active, manager } = this.#state
    const error = new UsageError(
      'ERR_COMMITTED',
      `Writes to ${fields.join(', ')} came after the response's headers and were not committed; they are lost.`,
    )
    this.#state.emit('commit-failed', active?.record ?? { id: null, userId: null }, { error })
    manager.settings.onError(error)
  }

  #settle(): MaybePromise<void> {
    this.#state.seal()
    const successor = this.#successor()
    return successor instanceof Promise ? this.#departWith(successor) : this.#depart(successor)
  }

  async #departWith(successor: Promise<string | null>): Promise<void> {
    this.#depart(await successor)
  }

  #depart(token: string | null): void {
    const { active } = this.#state
    if (token !== null && active) {
      const { transport } = active.record
      this.#state.change = { kind: 'set', token, transport, handedOver: false }
    }
    this.#apply()
  }

  get #rotates(): boolean {
    return this.#state.mode === 'full' && this.#policy.rotate !== false
  }

  get #isActivity(): boolean {
    return this.#state.mode !== 'peek' && this.#policy.touch !== false
  }

  /** The token that rotation gives this response, `null`: none. A login or logout in this response goes first. */
  #successor(): MaybePromise<string | null> {
    const { active, change, exchange, manager } = this.#state
    if (!this.#rotates || !active || change.kind !== 'none' || exchange.response.sent) return null
    if (active.transport === 'bearer' && exchange.header(ROTATION_REQUEST_HEADER) !== 'accept') return null
    return manager.tokenFor(active)
  }

  #apply(): void {
    const { exchange, wasRead, http } = this.#state
    const { response } = exchange
    if (response.sent) return
    if (this.#csrfVaries) addVary(response, 'Sec-Fetch-Site', 'Origin')
    if (wasRead) markPersonal(response, varyNames(http.transports))
    if (this.#state.mode === 'full') this.#applyChange()
    const nonce = this.#state.proof?.nonce ?? null
    if (nonce !== null) this.#tellNonce(nonce)
    if (http.expiresHeader) this.#tellExpiry()
  }

  /** Replaces whatever is there: two of them would leave the client without one (RFC 9449, 8.2). */
  #tellNonce(nonce: string): void {
    const { response } = this.#state.exchange
    response.set(NONCE_HEADER, nonce)
    markSecret(response)
  }

  #applyChange(): void {
    const { exchange, change } = this.#state
    if (change.kind !== 'none') this.#applyToken()
    else if (this.#foreign) putSetCookie(exchange.response, serializeDeletion(this.#foreign))
    else return
    markSecret(exchange.response)
  }

  /** Only where no cache answers somebody else, or the same browser later, with these seconds. */
  #tellExpiry(): void {
    const { active, exchange } = this.#state
    if (!isAnsweredAfresh(exchange.response)) return
    const remaining = active && active.record.userId !== null ? this.#remaining(active) : null
    exchange.response.set(EXPIRES_HEADER, serializeExpires(remaining))
  }

  /** A use that is being recorded, or need not be yet, leaves at least the idle timeout without the interval that it includes. */
  #remaining(active: ActiveSession): { readonly idle: number; readonly absolute: number } {
    const { idle, absolute } = active.remaining()
    if (!this.#isActivity) return { idle, absolute }
    const { lifetime, idleTimeout } = active.record
    const { touchInterval } = this.#state.manager.settings.lifetimes[lifetime]
    return { idle: Math.max(idle, idleTimeout - touchInterval), absolute }
  }

  #applyToken(): void {
    const { exchange, change, active } = this.#state
    if (change.kind === 'set' && change.transport === 'bearer') {
      if (!change.handedOver) exchange.response.set(ROTATION_RESPONSE_HEADER, change.token)
      return
    }
    const cookie = this.#cookie()
    this.#warnIfDropped(cookie)
    putSetCookie(
      exchange.response,
      change.kind === 'set'
        ? serializeCookie(cookie, change.token, this.#age(active?.record.lifetime ?? 'anonymous'))
        : serializeDeletion(cookie),
    )
  }

  /** Milliseconds that the cookie lives: the remaining absolute life where it outlives the browser (P8: never moved by activity). */
  #age(lifetime: LifetimeKind): number | null {
    const { active, manager } = this.#state
    if (!manager.settings.lifetimes[lifetime].persistent || !active) return null
    return active.remaining().absolute
  }

  #cookie(): Cookie {
    const { exchange, http } = this.#state
    return cookieFor(exchange, http)
  }

  #warnIfDropped(cookie: Cookie): void {
    const { exchange, manager } = this.#state
    const problem = droppedByBrowser(cookie, exchange.connection.host)
    if (problem) manager.settings.onError(new UsageError('ERR_USAGE', problem))
  }
}

/** The session cookie on this exchange: without prefix and `Secure` where it is plain HTTP that the options permit. */
export function cookieFor(exchange: RequestState['exchange'], http: RequestState['http']): Cookie {
  if (!http.unsafeAllowHttp || assessTransport(exchange.connection).secure) return http.cookie
  return http.plainCookie
}

const VARY_COOKIE = ['Cookie']

function varyNames(transports: readonly string[]): readonly string[] {
  if (transports.length === 1 && transports[0] === 'cookie') return VARY_COOKIE
  return transports.map((transport) => (transport === 'cookie' ? 'Cookie' : 'Authorization'))
}
