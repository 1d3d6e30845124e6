import type { ActiveSession } from './active-session.ts'
import { ChangeListeners } from './change-listeners.ts'
import { issueCsrfToken, verifyCsrfToken } from './csrf-token.ts'
import { ConfigError, UsageError } from './errors.ts'
import { Events, type RequestContext } from './events.ts'
import { GuardedStore } from './guarded-store.ts'
import {
  type Issued,
  Issuer,
  type LoginAttempt,
  type LoginRequest,
  type ReauthenticateRequest,
  type StartRequest,
} from './issuer.ts'
import { KeyRing } from './key-ring.ts'
import { Links } from './links.ts'
import { ManagerContext } from './manager-context.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { type Metric, Metrics } from './metrics.ts'
import type { CoreSettings } from './options.ts'
import type { EndReason, SessionId, SessionRecord } from './record.ts'
import { resumeSession } from './resumed-session.ts'
import { type Exchanged, Rotator } from './rotator.ts'
import type { SessionCache } from './session-cache.ts'
import { type SessionPage, toSessionInfo } from './session-info.ts'
import { SignalWatch } from './signal-watch.ts'
import type { Ended, FindResult, StoreHealth } from './store.ts'
import { Sweeper } from './sweeper.ts'
import { isSessionId } from './token.ts'
import { Touches } from './touches.ts'
import { assertUserId } from './user-ids.ts'
import { type ValidateRequest, type Validation, Validator } from './validator.ts'
import { type PendingOperation, Writer } from './writer.ts'

/** An option that weakens something, by its path. */
export interface UnsafeOption {
  readonly option: string
  readonly consequence: string
}

/** Everything that exists once the store and the keys are open. */
interface Opened {
  readonly context: ManagerContext
  readonly links: Links
  readonly touches: Touches
  readonly validator: Validator
  readonly writer: Writer
  readonly issuer: Issuer
  readonly rotator: Rotator
  readonly sweeper: Sweeper
  readonly watch: SignalWatch
}

/**
 * The lifecycle of sessions: tokens, records and time, no HTTP. It carries out what the pure rules decide. Opens itself
 * at the first call; `open()` at start-up shows trouble with the store or the keys before the first request does.
 */
export class SessionManager {
  readonly settings: CoreSettings
  readonly events: Events
  /** The store as these sessions call it, for what hangs on them; open them first. */
  readonly store: GuardedStore
  /** Told of what the store's feed of changes tells, which there is with a near cache alone, and at once of what this manager changes. */
  readonly listeners = new ChangeListeners()
  /** Told of what sweeps end: what hangs on these sessions lies in the same store. */
  readonly swept = new Set<(ended: readonly Ended[]) => void>()
  readonly #cache: SessionCache | null
  readonly #metrics: Metrics
  readonly #unsafe: readonly UnsafeOption[]
  #opened: Opened | null = null
  #opening: Promise<Opened> | null = null
  #closing: Promise<void> | null = null

  /** `unsafe`: options in force that weaken something, reported once when the sessions open (P11). */
  constructor(
    settings: CoreSettings,
    unsafe: readonly UnsafeOption[] = [],
    cache: SessionCache | null = null,
  ) {
    this.settings = settings
    this.#unsafe = unsafe
    this.#cache = cache
    this.events = new Events(settings.onError)
    this.#metrics = new Metrics(this.events)
    this.store = new GuardedStore(settings.store, {
      environment: settings.environment,
      timeout: settings.storeTimeout,
      called: (operation) => this.#metrics.storeCalled(operation),
      receiver: cache ? new ChangeListeners([cache, this.listeners]) : this.listeners,
      report: (operation, error) => {
        const at = settings.environment.now()
        const event = { at, sessionId: null, userId: null, context: null, operation, error }
        this.events.emit('store-failed', event)
      },
    })
  }

  /** Opens the store and loads the keys; throws `ConfigError` or `StoreError`. Idempotent, and tried again after a failure. */
  async open(): Promise<void> {
    await this.#ready()
  }

  /** For requests: nothing to wait for once the sessions are open; before that, what opening them comes to, within `storeTimeout`. */
  ready(): MaybePromise<void> {
    if (this.#opened && this.#closing === null) return undefined
    return this.#readyInTime().then(() => {})
  }

  /** Writes what is still to be written and releases the store. Idempotent; later calls throw `ERR_CLOSED`. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Waits until recorded activity is in the store. */
  async flush(): Promise<void> {
    await this.#opened?.touches.flush()
  }

  /** Whether sessions can be used now. Never throws, and answers within `storeTimeout`. */
  health(): Promise<StoreHealth> {
    return this.#with(({ context }) => context.store.health()).catch((error) => ({
      ok: false,
      error: error instanceof Error ? error : new Error(String(error)),
    }))
  }

  /** What this node has counted since it started, and how things are. */
  metrics(): readonly Metric[] {
    return this.#metrics.read(this.#cache?.counts() ?? null)
  }

  /** From a token to a session, or why not. Answers at once where the store does (once open). */
  validate(token: string, request: ValidateRequest): MaybePromise<Validation> {
    if (this.#opened && this.#closing === null) return this.#opened.validator.validate(token, request)
    return this.#readyInTime().then(({ validator }) => validator.validate(token, request))
  }

  /** Whether form and tag of a token are right (once open): before anything that costs more than a MAC is done for it. */
  recognises(token: string): boolean {
    return this.#opened?.validator.recognises(token) ?? true
  }

  /** A new anonymous session. */
  start(request: StartRequest): Promise<Issued> {
    return this.#with(({ issuer }) => issuer.start(request))
  }

  /** Taken before a password check and given to `login`: the old password loses the race against its change. */
  beginLogin(userId: string): Promise<LoginAttempt> {
    assertUserId(userId, this.settings.innerUsers)
    return this.#with(async ({ context }) => {
      const { user } = await context.store.call('epochs', userId)
      return Object.freeze({ userId, epoch: user })
    })
  }

  /** A new authenticated session in place of `old`; throws `ERR_SESSION_LIMIT`, `ERR_LOGIN_STALE`. */
  login(old: ActiveSession | null, request: LoginRequest): Promise<Issued> {
    assertUserId(request.userId, this.settings.innerUsers)
    if (request.attempt && request.attempt.userId !== request.userId) {
      throw new UsageError('ERR_USAGE', 'The login attempt was begun for another user id.')
    }
    return this.#with(({ issuer }) => issuer.login(old, request))
  }

  /** Step-up: new id and token, everything else kept, both clocks start anew; throws `ERR_SESSION_GONE`. */
  reauthenticate(old: ActiveSession, request: ReauthenticateRequest): Promise<Issued> {
    return this.#with(({ issuer }) => issuer.reauthenticate(old, request))
  }

  /** All of the operations, exactly once, or `gone`. */
  write(session: ActiveSession, operations: readonly PendingOperation[]): Promise<'ok' | 'gone'> {
    return this.#with(({ writer }) => writer.write(session, operations))
  }

  /** The token that a response should carry, decided when its headers leave; `null`: none. */
  tokenFor(session: ActiveSession): MaybePromise<string | null> {
    return this.#opened ? this.#opened.rotator.tokenFor(session) : null
  }

  /** The use of a token that is given back for its successor each time it is used, whatever its age: a refresh token. */
  exchange(session: ActiveSession): Promise<Exchanged> {
    return this.#with(({ rotator, touches }) => rotator.exchange(session, touches))
  }

  /** What the store holds under an id now. A session that is past its deadline, or linked with one that is over, is ended first. */
  lookUp(id: SessionId): MaybePromise<FindResult> {
    if (this.#opened && this.#closing === null) return this.#opened.links.find(id)
    return this.#readyInTime().then(({ links }) => links.find(id))
  }

  /** Whether every change of this session that is older than `maxStaleness` has been told to `listeners`. */
  proves(id: SessionId): boolean {
    return this.#cache?.proves(id) ?? false
  }

  /** A probe as of `ChangeFeed`, for caches elsewhere that go by what `listeners` are told. No echo without a near cache. */
  probe(echoed: (partitions: readonly number[] | null) => void): void {
    this.#cache?.probe(echoed)
  }

  /** Ends a session at its user's wish, with those that it is linked with; a step-up that raced it does not survive. */
  logout(session: ActiveSession): Promise<boolean> {
    return this.#with(({ links }) => links.logout(session))
  }

  /** A live session by its id alone, for what was issued within it; `null` where it is over. */
  resume(id: SessionId, request: RequestContext): Promise<ActiveSession | null> {
    return this.#with((opened) => resumeSession(opened, id, request))
  }

  /** Lets the first session end with the other, which names the first already; `false` where the first is over. */
  link(id: SessionId, other: SessionId): Promise<boolean> {
    return this.#with(({ links }) => links.add(id, other))
  }

  /** Counts a frame of a connection that holds the session's signal as activity, if that is due. */
  used(id: SessionId): void {
    this.#opened?.watch.used(id)
  }

  /** The same for a session that a step-up may just have replaced: ends what took its place. Answers whether anything ended. */
  logoutSuccessor(id: SessionId, request: RequestContext): Promise<boolean> {
    return this.#with(({ links }) => links.logoutSuccessor(id, request))
  }

  /** Reads the record again from the store; `false` where the session is over. */
  async revalidate(session: ActiveSession): Promise<boolean> {
    const found = await this.#with(({ context }) => context.find(session.record.id))
    if (found.status === 'live') session.refresh(found)
    return found.status === 'live'
  }

  /** Fires when the session ends, here or elsewhere (within `maxStaleness`). Whoever holds it releases it in the end. */
  holdSignal(id: SessionId): AbortSignal {
    if (this.#closing !== null) throw closedError()
    return this.#requireOpen().watch.hold(id)
  }

  releaseSignal(id: SessionId, signal: AbortSignal): void {
    this.#opened?.watch.release(id, signal)
  }

  /** Live sessions of a user, newest first; `limit` at most 1,000. */
  list(
    userId: string,
    page: { readonly limit?: number; readonly cursor?: string | null } = {},
  ): Promise<SessionPage> {
    assertUserId(userId, this.settings.innerUsers)
    const limit = Math.min(Math.max(1, Math.trunc(requireNumber(page.limit ?? 100, 'limit'))), 1_000)
    const asked = { limit, cursor: page.cursor ?? null }
    return this.#with(async ({ context }) => {
      const { sessions, cursor } = await context.store.call('list', userId, asked)
      return { sessions: sessions.map(toSessionInfo), cursor }
    })
  }

  /** One session by its public id, or `null`. For administration: the record's secret half is not shown. */
  async find(id: string): Promise<ReturnType<typeof toSessionInfo> | null> {
    if (!isSessionId(id)) return null
    const found = await this.#with(({ context }) => context.find(id))
    return found.status === 'live' ? toSessionInfo(found.record) : null
  }

  /** Ends one session; `false` if it was not live, or not `ofUser`'s (CON-05). */
  revoke(
    id: string,
    options: { readonly reason?: EndReason; readonly ofUser?: string } = {},
  ): Promise<boolean> {
    if (!isSessionId(id)) return Promise.resolve(false)
    return this.#with(({ links }) => links.revoke(id, options))
  }

  /** Ends all sessions of a user but `except`; answers how many. Logins begun before are refused (LIO-07, LIO-08). */
  revokeUser(
    userId: string,
    options: { readonly except?: SessionId | readonly SessionId[]; readonly reason?: EndReason } = {},
  ): Promise<number> {
    assertUserId(userId, this.settings.innerUsers)
    const { reason = 'revoked', except = [] } = options
    return this.#with(async ({ context, links }) => {
      const kept = await links.withLinked([except].flat())
      const result = await context.store.call('endUser', userId, { reason, except: kept })
      context.emitEnded(result.ended)
      return result.ended.length
    })
  }

  /** Ends every session in the store, at once, however many there are (CON-04). */
  revokeEveryone(options: { readonly reason?: EndReason } = {}): Promise<void> {
    const { reason = 'revoked' } = options
    return this.#with(async ({ context }) => {
      await context.store.call('endEveryone', { reason })
      context.emit('everyone-ended', { id: null, userId: null }, null, { reason })
    })
  }

  /** Removes what is past its deadline now; answers how many sessions that ended. */
  sweep(): Promise<number> {
    return this.#with(({ sweeper }) => sweeper.run())
  }

  /** A fresh CSRF token for this session; bound to the id, so that rotation does not break open forms. */
  csrfToken(record: Pick<SessionRecord, 'id'> | null): string {
    return issueCsrfToken(this.ring, this.settings.environment, record?.id ?? NO_SESSION)
  }

  verifyCsrfToken(record: Pick<SessionRecord, 'id'> | null, text: string): boolean {
    return verifyCsrfToken(this.ring, record?.id ?? NO_SESSION, text)
  }

  /** The keys that these sessions work with, for what hangs on them; open them first. */
  get ring(): KeyRing {
    return this.#requireOpen().context.ring
  }

  #requireOpen(): Opened {
    if (this.#opened) return this.#opened
    throw new UsageError('ERR_CLOSED', 'The sessions are not open; await sessions.open() first.')
  }

  async #with<T>(task: (opened: Opened) => MaybePromise<T>): Promise<T> {
    return task(this.#opened && this.#closing === null ? this.#opened : await this.#readyInTime())
  }

  /** For requests: a store that takes long to open is an outage to them, and goes on opening. */
  #readyInTime(): Promise<Opened> {
    return this.store.inTime('open', this.#ready())
  }

  #ready(): Promise<Opened> {
    if (this.#closing !== null) return Promise.reject(closedError())
    this.#opening ??= this.#open().catch((error) => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  async #open(): Promise<Opened> {
    const { settings } = this
    const { environment, tombstoneRetention } = settings
    const ring = new KeyRing(await settings.keys.load(), { name: settings.name })
    await this.store.open({ environment, tombstoneRetention })
    const parts = { store: this.store, events: this.events, ring, cache: this.#cache }
    const context = new ManagerContext(settings, parts)
    const touches = new Touches(this.store, environment)
    const writer = new Writer(context)
    const sweeper = new Sweeper(context, this.swept)
    const links = new Links(context)
    const watch = new SignalWatch(context, touches, links)
    const receiver = new ChangeListeners([watch, this.listeners])
    await this.#cache?.open({ ...settings, receiver })
    if (settings.sweepInterval !== null) sweeper.start(settings.sweepInterval)
    this.#opened = {
      context,
      links,
      touches,
      writer,
      sweeper,
      watch,
      validator: new Validator(context, touches, links),
      issuer: new Issuer(context, writer),
      rotator: new Rotator(context),
    }
    this.#reportUnsafe(context)
    return this.#opened
  }

  #reportUnsafe(context: ManagerContext): void {
    for (const { option, consequence } of this.#unsafe) {
      context.emit('unsafe-option', { id: null, userId: null }, null, { option, consequence })
      this.settings.onError(new ConfigError('ERR_OPTION', `Option ${option} is on: ${consequence}.`))
    }
  }

  async #close(): Promise<void> {
    const opened = this.#opened ?? (await this.#opening?.catch(() => null))
    if (opened) {
      opened.watch.stop()
      await opened.sweeper.stop()
      await opened.touches.flush()
    }
    await this.#cache?.close()
    await this.settings.store.close()
  }
}

/** What a CSRF token of a visitor without a session is bound to; no session id has this form. */
const NO_SESSION = '-'

function closedError(): UsageError {
  return new UsageError('ERR_CLOSED', 'The sessions have been closed.')
}

function requireNumber(value: number, name: string): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value
  throw new UsageError('ERR_USAGE', `The ${name} must be a number.`)
}
