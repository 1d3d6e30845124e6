import type { ActiveSession } from '../core/active-session.ts'
import { AccessError, StoreError, UsageError } from '../core/errors.ts'
import type { EventName, SessionEvents } from '../core/events.ts'
import type { Issued } from '../core/issuer.ts'
import type { JsonFields } from '../core/json.ts'
import type { SessionManager } from '../core/manager.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { SessionId, Transport } from '../core/record.ts'
import { withoutTokens } from '../core/token-forms.ts'
import type { Mode } from '../core/validator.ts'
import type { PendingOperation } from '../core/writer.ts'
import { ClientContext, harmless } from './client-context.ts'
import type { CsrfReason } from './csrf.ts'
import { type Connection, type Exchange, pathOf } from './exchange.ts'
import type { HttpSettings } from './http-options.ts'
import { checkSource, isSafeMethod } from './origin-check.ts'
import { type DataSource, PendingWrites } from './pending-writes.ts'
import { bindingOf, RequestProof } from './request-proof.ts'
import { assertSecureTransport } from './secure-transport.ts'
import { CLEAR, NONE, type TokenChange } from './token-change.ts'

/** Longest method that events show; the longest registered one has 17 letters. */
const MAX_METHOD = 32

const NO_DATA: JsonFields = Object.freeze({})

/** What the presented tokens came to. */
export interface Outcome {
  readonly active: ActiveSession | null
  /** The presented token was dead, not recently: its cookie is to go unless something else is set. */
  readonly clear: boolean
  /** The session has just ended by logout or replacement: write nothing, set nothing (design section 10). */
  readonly recentlyEnded: SessionId | null
}

/** The sessions that a request is about. */
interface Given {
  readonly manager: SessionManager
  readonly http: HttpSettings
}

/**
 * What one request knows and has done: the session it acts in, its uncommitted writes, and what the response must say.
 * Shared by the handle that the application holds and the finisher that acts when the headers leave.
 */
export class RequestState implements DataSource {
  readonly exchange: Exchange
  readonly manager: SessionManager
  readonly http: HttpSettings
  /** Looked at right away: a socket forgets its other end when it is closed. */
  readonly connection: Connection
  readonly mode: Mode
  /** `null`: sessions are not bound to keys. */
  readonly proof: RequestProof | null
  active: ActiveSession | null = null
  change: TokenChange = NONE
  /** Whether the application looked at the session, so that the response depends on it. */
  wasRead = false
  /** The headers are about to leave: whoever signs in or out now comes too late, whatever a commit under way is waiting for. */
  leaving = false
  /** The automatic commit has begun; see `assertWritable`. */
  #sealed = false
  /** The application has called `commit` since: what it writes from now on it commits itself. */
  #byHand = false
  /** Under way. */
  #handCommits = 0
  #context: ClientContext | null = null
  #writes: PendingWrites | null = null
  #committing: Promise<'ok' | 'gone' | 'nothing'> | null = null
  #recentlyEnded: SessionId | null = null
  #held: { readonly id: SessionId; readonly signal: AbortSignal } | null = null

  constructor({ manager, http }: Given, exchange: Exchange, mode: Mode) {
    this.exchange = exchange
    this.manager = manager
    this.http = http
    this.connection = exchange.connection
    this.mode = mode
    this.proof = http.binding && new RequestProof(exchange, http.binding)
  }

  /** Who asks. Made when somebody wants to know, which is never for most requests. */
  get context(): ClientContext {
    this.#context ??= new ClientContext(this.exchange, this.http.device)
    return this.#context
  }

  /** What the application writes, and the data as it sees it; made for whoever looks. */
  get writes(): PendingWrites {
    this.#writes ??= new PendingWrites(this)
    return this.#writes
  }

  /** Whether writes wait for their commit. */
  get hasWrites(): boolean {
    return this.#writes !== null && !this.#writes.isEmpty
  }

  /** Takes over what the presented tokens came to. */
  meet({ active, clear, recentlyEnded }: Outcome): void {
    this.active = active
    if (clear) this.change = CLEAR
    this.#recentlyEnded = recentlyEnded
  }

  /** The stored data in today's shape. */
  get stored(): JsonFields {
    const { active, manager } = this
    if (!active) return NO_DATA
    return manager.settings.schema.upgraded(active.record.data, active.record.schemaVersion)
  }

  /** Whether a commit is under way or due. */
  get isDirty(): boolean {
    return this.#committing !== null || this.hasWrites
  }

  /** Fires when the session ends; one that never fires for a visitor without a session. */
  signal(): AbortSignal {
    const id = this.read()?.record.id ?? null
    if (id === this.#held?.id) return this.#held.signal
    this.releaseSignal()
    if (id === null) return new AbortController().signal
    this.#held = { id, signal: this.manager.holdSignal(id) }
    return this.#held.signal
  }

  /** Nobody goes by the signal any more. */
  releaseSignal(): void {
    if (this.#held) this.manager.releaseSignal(this.#held.id, this.#held.signal)
    this.#held = null
  }

  /** The session for reading; notes that the response depends on it. */
  read(): ActiveSession | null {
    this.wasRead = true
    return this.active
  }

  /**
   * Before any write. `ERR_USAGE` in the reading modes; `ERR_COMMITTED` after the automatic commit, unless `commit()`
   * was called since: a streaming handler that writes on commits by hand.
   */
  assertWritable(): void {
    this.wasRead = true
    this.#assertFull('written')
    if (!this.#sealed || this.#byHand) return
    throw new UsageError(
      'ERR_COMMITTED',
      "The session's writes were committed when the response's headers left; call commit() to go on writing.",
    )
  }

  /** The application's commit. One that is under way while the headers leave, or is called later, makes commits its business. */
  commitByHand(): Promise<'ok' | 'gone' | 'nothing'> {
    if (this.leaving) this.#byHand = true
    this.#handCommits++
    const commit = this.commit()
    const settled = () => this.#handCommits--
    commit.then(settled, settled)
    return commit
  }

  /** Whoever writes from now on would come too late with the automatic commit. */
  seal(): void {
    this.#sealed = true
    if (this.#handCommits > 0) this.#byHand = true
  }

  /** Commits now; calls that overlap wait for each other. */
  commit(): Promise<'ok' | 'gone' | 'nothing'> {
    const before = this.#committing ?? Promise.resolve('nothing' as const)
    const commit = before.then(
      () => this.#commit(),
      () => this.#commit(),
    )
    const settled = () => {
      if (this.#committing === commit) this.#committing = null
    }
    this.#committing = commit
    commit.then(settled, settled)
    return commit
  }

  /**
   * Lets a login take the uncommitted operations along. One that fails leaves them to the session before, unless it may
   * have been applied all the same. Waits for a commit under way.
   */
  async issueWith(issue: (operations: readonly PendingOperation[]) => Promise<Issued>): Promise<Issued> {
    await this.#committing?.catch(() => {})
    const operations = this.writes.take()
    try {
      return await issue(operations)
    } catch (error) {
      if (!(error instanceof StoreError) || error.retryable) this.writes.restore(operations)
      throw error
    }
  }

  /** Forgets uncommitted writes; answers which fields they were about. */
  dropWrites(): readonly string[] {
    if (!this.#writes) return []
    const { fields } = this.writes
    this.writes.reset()
    return fields
  }

  /** Checks, before anything is looked up, that a new token may be issued here; answers on which transport. */
  issuingTransport(chosen?: Transport): Transport {
    const transport = this.#issuingTransport(chosen)
    if (transport === 'cookie') this.#assertHeadersOpen()
    return transport
  }

  /**
   * Before a new cookie for a login, step-up or first write: only for a request that the application's own pages caused,
   * else another site could sign its visitor in to the attacker's account, or out of his own (login CSRF, LIO-05). No
   * evidence at all means no browser.
   */
  assertSameSource(transport: Transport): void {
    const { csrf } = this.http
    if (transport !== 'cookie' || csrf.mode === 'off' || csrf.isExempt(this.exchange)) return
    const source = checkSource(this.exchange, csrf.origin)
    if (source.verdict === 'pass' || source.reason === 'no-evidence') return
    this.refuseCsrf(source.reason)
  }

  /**
   * Thumbprint of the key that a new session on this transport is bound to, `null`: none. Whoever has proven a key in this
   * request goes on with it. Throws `ERR_DPOP_PROOF`.
   */
  bindingFor(transport: Transport): MaybePromise<string | null> {
    if (transport !== 'bearer') return null
    return this.active?.binding ?? bindingOf(this.proof)
  }

  /** Takes over the session that a login made; its token goes out with the response. `left` are writes that did not come along. */
  adopt(issued: Issued, transport: Transport, left: readonly PendingOperation[]): void {
    const fields = [...new Set([...left, ...this.writes.take()].map(({ field }) => field))]
    const before = this.active?.record ?? { id: null, userId: null }
    if (fields.length > 0) this.emit('write-dropped', before, { fields })
    this.#takeOver(issued, transport, true)
    this.writes.reset()
  }

  async logout(): Promise<void> {
    this.#assertFull('ended')
    this.wasRead = true
    await this.#committing?.catch(() => {})
    const { active } = this
    if (!active) return this.#logoutSuccessor()
    if (active.record.transport === 'cookie') this.#assertHeadersOpen()
    // A link on another site must not sign anybody out, whatever method the application gave its logout (LIO-05).
    this.assertSameSource(active.record.transport)
    await this.manager.logout(active)
    this.#forget(active)
  }

  /** Ends the session that a login of this request has made. Its token does not go out, also where the store cannot be reached. */
  async takeBack(): Promise<void> {
    const { active } = this
    if (!active) return
    this.#forget(active)
    await this.manager.logout(active)
  }

  #forget(active: ActiveSession): void {
    this.active = null
    this.change = active.record.transport === 'cookie' ? CLEAR : NONE
    this.writes.reset()
  }

  /** The session of this request has just been replaced, by a step-up perhaps: whoever signs out means the new one too. */
  async #logoutSuccessor(): Promise<void> {
    const id = this.#recentlyEnded
    if (id !== null && (await this.manager.logoutSuccessor(id, this.context))) this.change = CLEAR
  }

  async revalidate(active: ActiveSession): Promise<boolean> {
    const alive = await this.manager.revalidate(active)
    if (alive && this.writes.isEmpty) this.writes.reset()
    return alive
  }

  /** Reports a refused request and throws `ERR_CSRF`, or only reports it in report-only mode. */
  refuseCsrf(reason: CsrfReason): void {
    const { method, url } = this.exchange
    const subject = this.active?.record ?? { id: null, userId: null }
    const path = harmless(withoutTokens(pathOf(url))) ?? ''
    const details = { reason, method: harmless(method.slice(0, MAX_METHOD)) ?? '', path }
    if (this.http.csrf.reportOnly) {
      this.emit('csrf-would-refuse', subject, details)
      return
    }
    this.emit('csrf-refused', subject, details)
    throw new AccessError('ERR_CSRF', 'The request was not sent by this site itself and is refused.')
  }

  emit<N extends EventName>(
    name: N,
    subject: { readonly id: SessionId | null; readonly userId: string | null },
    details: Omit<SessionEvents[N], 'at' | 'sessionId' | 'userId' | 'context'>,
  ): void {
    const at = this.manager.settings.environment.now()
    const about = { at, sessionId: subject.id, userId: subject.userId, context: this.context }
    this.manager.events.emit(name, { ...about, ...details } as unknown as SessionEvents[N])
  }

  async #commit(): Promise<'ok' | 'gone' | 'nothing'> {
    if (this.writes.isEmpty) return 'nothing'
    if (this.active) return this.#write(this.active)
    return this.#recentlyEnded !== null ? this.#dropped() : this.#start()
  }

  #dropped(): 'gone' {
    this.emit('write-dropped', { id: null, userId: null }, { fields: this.dropWrites() })
    return 'gone'
  }

  /**
   * Whether the browser may hold a session cookie that it did not send: requests from other sites come without it, and
   * a new cookie would push out the one of a signed-in user. A forged unsafe request is refused with `ERR_CSRF`; of a
   * navigation from another site, which brings no `SameSite=Strict` cookie, the writes are dropped.
   */
  #mayHideCookie(transport: Transport): boolean {
    if (!isSafeMethod(this.exchange.method)) {
      this.assertSameSource(transport)
      return false
    }
    if (transport !== 'cookie' || this.http.cookie.sameSite !== 'strict') return false
    const source = checkSource(this.exchange, this.http.csrf.origin)
    return source.verdict === 'refuse' && source.reason !== 'no-evidence'
  }

  async #write(active: ActiveSession): Promise<'ok' | 'gone'> {
    try {
      return await this.manager.write(active, this.writes.take())
    } finally {
      if (this.writes.isEmpty) this.writes.reset()
    }
  }

  /** The first write of a visitor makes the session. Several tokens in flight are no trouble: the last cookie wins. */
  async #start(): Promise<'ok' | 'gone' | 'nothing'> {
    if (Object.keys(this.writes.view).length === 0) {
      this.writes.reset()
      return 'nothing'
    }
    const transport = this.#issuingTransport()
    if (this.#mayHideCookie(transport)) return this.#dropped()
    const bound = this.bindingFor(transport)
    const binding = bound instanceof Promise ? await bound : bound
    // Looked at now: a proof takes its time, and what was written meanwhile is taken, too.
    const { view } = this.writes
    this.writes.take()
    const issued = await this.manager.start({ transport, context: this.context, data: view, binding })
    this.#takeOver(issued, transport, false)
    // What was written meanwhile is on top of the very data that the session started with.
    if (this.writes.isEmpty) this.writes.reset()
    return 'ok'
  }

  #takeOver(issued: Issued, transport: Transport, handedOver: boolean): void {
    this.active = issued.session
    this.#recentlyEnded = null
    this.change = { kind: 'set', token: issued.token, transport, handedOver }
  }

  #issuingTransport(chosen?: Transport): Transport {
    this.#assertFull('changed')
    const transport = chosen ?? this.active?.record.transport ?? this.#defaultTransport()
    if (!this.http.transports.includes(transport)) {
      throw new UsageError('ERR_USAGE', `Transport '${transport}' is not among the option transports.`)
    }
    assertSecureTransport(this.connection, this.http.unsafeAllowHttp)
    if (transport === 'cookie' && this.exchange.response.sent) throw headersSent()
    return transport
  }

  #defaultTransport(): Transport {
    return this.http.transports[0] ?? 'cookie'
  }

  #assertFull(what: string): void {
    if (this.mode === 'full') return
    throw new UsageError('ERR_USAGE', `A session opened to ${this.mode} cannot be ${what}.`)
  }

  #assertHeadersOpen(): void {
    if (this.leaving || this.exchange.response.sent) throw headersSent()
  }
}

function headersSent(): UsageError {
  return new UsageError(
    'ERR_HEADERS_SENT',
    'The response has begun, so its cookie cannot be changed any more.',
  )
}
