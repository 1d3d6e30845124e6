import type { ActiveSession } from '../core/active-session.ts'
import { type Duration, toMilliseconds } from '../core/duration.ts'
import { AccessError, UsageError } from '../core/errors.ts'
import type { Issued } from '../core/issuer.ts'
import type { JsonFields } from '../core/json.ts'
import type { Authentication, Device, SessionId, SessionRecord, Transport } from '../core/record.ts'
import type { PendingOperation } from '../core/writer.ts'
import type { DeepReadonly } from './deep-readonly.ts'
import type { PendingWrites } from './pending-writes.ts'
import { StepUpError } from './problem.ts'
import type { RequestState } from './request-state.ts'
import type { IssuedToken, LoginOptions, OwnSession, ReauthenticateOptions, Session } from './session.ts'

const NO_AUTHENTICATION: Authentication = Object.freeze({ methods: Object.freeze([]), level: null })

/** Default age of a proof that ending other sessions asks for (CON-03). */
const MANAGE_FRESHNESS: Duration = '1h'

/** What comes with a login that another site vouches for. */
export interface HandedOver<D> {
  readonly options: LoginOptions<D>
  /** Fields besides those of the application. */
  readonly fields: JsonFields
  /** Milliseconds left to the session there, where the login is no proof of its own; absent: it is one. */
  readonly left?: number
  /** Whether it is one all the same. Default false. */
  readonly proven?: boolean
}

/** The session of one request, as the application holds it; what happens to it at the end is `RequestState`'s business. */
export class RequestSession<D> implements Session<D> {
  readonly #state: RequestState

  constructor(state: RequestState) {
    this.#state = state
    // Assigning to a field that is not there, as other libraries have it, would be lost without a word.
    Object.freeze(this)
  }

  get id(): SessionId | null {
    return this.#record?.id ?? null
  }

  get userId(): string | null {
    return this.#record?.userId ?? null
  }

  get createdAt(): number | null {
    return this.#record?.createdAt ?? null
  }

  get authenticatedAt(): number | null {
    return this.#record?.authenticatedAt ?? null
  }

  get authentication(): Authentication {
    return this.#record?.authentication ?? NO_AUTHENTICATION
  }

  get device(): Device {
    const { userAgent, address, label } = this.#state.context
    return this.#record?.device ?? { userAgent, address, label }
  }

  get remaining(): { readonly idle: number; readonly absolute: number } | null {
    return this.#state.read()?.remaining() ?? null
  }

  get signal(): AbortSignal {
    return this.#state.signal()
  }

  get<K extends keyof D & string>(field: K): DeepReadonly<D[K]> {
    return this.#reads.get(field) as DeepReadonly<D[K]>
  }

  has(field: keyof D & string): boolean {
    return this.#reads.has(field)
  }

  set(field: string, value: unknown): void {
    this.#writes.set(field, value)
  }

  delete(field: keyof D & string): void {
    this.#writes.delete(field)
  }

  add(field: string, amount: number): void {
    this.#writes.add(field, amount)
  }

  append(field: string, item: unknown): void {
    this.#writes.append(field, item)
  }

  remove(field: string, item: unknown): void {
    this.#writes.remove(field, item)
  }

  take<K extends keyof D & string>(field: K): DeepReadonly<D[K]> {
    return this.#writes.takeField(field) as DeepReadonly<D[K]>
  }

  update(field: string, change: (value: never) => unknown): void {
    this.#writes.update(field, change)
  }

  commit(): Promise<'ok' | 'gone' | 'nothing'> {
    return this.#state.commitByHand()
  }

  /**
   * A login that another site vouches for: one of the same owner, or an OpenID provider. Where the request comes from says
   * nothing, since the other site sent it: whoever calls has made sure that this browser began it.
   */
  static handOver<D>(session: Session<D>, userId: string, handedOver: HandedOver<D>): Promise<IssuedToken> {
    if (!(session instanceof RequestSession)) throw notOfARequest()
    const { options } = handedOver
    const transport = session.#state.issuingTransport(options.transport)
    return session.#login(userId, transport, handedOver)
  }

  /** Undoes such a login in the request that it was made in. */
  static takeBack<D>(session: Session<D>): Promise<void> {
    if (!(session instanceof RequestSession)) throw notOfARequest()
    return session.#state.takeBack()
  }

  /** The session as it is stored, and its data with this request's own writes, for `sessionDetails`. */
  static look<D>(session: Session<D>): { readonly active: ActiveSession; readonly data: JsonFields } | null {
    if (!(session instanceof RequestSession)) throw notOfARequest()
    const active = session.#state.read()
    return active && { active, data: session.#state.writes.view }
  }

  async login(userId: string, options: LoginOptions<D> = {}): Promise<IssuedToken> {
    const transport = this.#state.issuingTransport(options.transport)
    this.#state.assertSameSource(transport)
    return this.#login(userId, transport, { options })
  }

  async #login(
    userId: string,
    transport: Transport,
    {
      options,
      fields = {},
      left: remaining,
      proven = false,
    }: Partial<HandedOver<D>> & Pick<HandedOver<D>, 'options'>,
  ): Promise<IssuedToken> {
    const state = this.#state
    this.#assertMayRemember(options)
    const data = this.#initialData(options.data ?? {})
    const carry: readonly string[] = options.carry ?? state.manager.settings.schema.carried
    const bound = state.bindingFor(transport)
    const binding = bound instanceof Promise ? await bound : bound
    const before = this.userId
    // Nothing of another user's session comes along, whatever the fields.
    const comesAlong = ({ field }: PendingOperation) =>
      (before === null || before === userId) && carry.includes(field)
    let left: readonly PendingOperation[] = []
    const issued = await state.issueWith((operations) => {
      left = operations.filter((operation) => !comesAlong(operation))
      return state.manager.login(state.active, {
        userId,
        transport,
        context: state.context,
        remember: options.remember ?? false,
        authentication: { methods: [...(options.methods ?? [])], level: options.level ?? null },
        data: { ...data, ...fields },
        carry,
        operations: operations.filter(comesAlong),
        attempt: options.attempt ?? null,
        ...(remaining === undefined ? {} : { handedOver: remaining, proven }),
        binding,
      })
    })
    return this.#adopt(issued, transport, left)
  }

  async reauthenticate(options: ReauthenticateOptions = {}): Promise<IssuedToken> {
    const active = this.#requireUser()
    const { transport, authentication } = active.record
    this.#state.assertSameSource(this.#state.issuingTransport(transport))
    const methods = [...(options.methods ?? authentication.methods)]
    const level = options.level ?? authentication.level
    const bound = this.#state.bindingFor(transport)
    const binding = bound instanceof Promise ? await bound : bound
    const issued = await this.#state.issueWith((operations) =>
      this.#state.manager.reauthenticate(active, { authentication: { methods, level }, operations, binding }),
    )
    return this.#adopt(issued, transport, [])
  }

  logout(): Promise<void> {
    return this.#state.logout()
  }

  isFresh(within: Duration, options: { readonly level?: string } = {}): boolean {
    const active = this.#state.read()
    if (!active || active.record.userId === null) return false
    if (options.level !== undefined && active.record.authentication.level !== options.level) return false
    return active.authenticatedWithin(toMilliseconds(within, 'isFresh(within)'))
  }

  assertFresh(within: Duration, options: { readonly level?: string } = {}): void {
    const active = this.#requireUser()
    if (this.isFresh(within, options)) return
    this.#state.emit('step-up-required', active.record, {})
    const maxAge = toMilliseconds(within, 'assertFresh(within)')
    throw new StepUpError({
      maxAge: active.authenticatedWithin(maxAge) ? null : maxAge,
      level: options.level ?? null,
    })
  }

  async others(
    page: { readonly limit?: number; readonly cursor?: string | null } = {},
  ): Promise<{ readonly sessions: readonly OwnSession[]; readonly cursor: string | null }> {
    const { id, userId } = this
    if (userId === null) return { sessions: [], cursor: null }
    const { sessions, cursor } = await this.#state.manager.list(userId, page)
    return { sessions: sessions.map((session) => ({ ...session, current: session.id === id })), cursor }
  }

  async revokeOther(id: string, options: { readonly fresh?: Duration | false } = {}): Promise<boolean> {
    const { userId } = this.#requireUser().record
    this.#assertMayManage(options.fresh)
    if (id === this.id || userId === null) return false
    return this.#state.manager.revoke(id, { ofUser: userId })
  }

  async revokeOthers(options: { readonly fresh?: Duration | false } = {}): Promise<number> {
    const { id, userId } = this.#requireUser().record
    this.#assertMayManage(options.fresh)
    return userId === null ? 0 : this.#state.manager.revokeUser(userId, { except: id })
  }

  csrfToken(): string {
    return this.#state.manager.csrfToken(this.#record)
  }

  assertCsrf(token: unknown): void {
    const valid = typeof token === 'string' && this.#state.manager.verifyCsrfToken(this.#record, token)
    if (valid) return
    this.#state.refuseCsrf('invalid-token')
  }

  async revalidate(): Promise<boolean> {
    const active = this.#state.read()
    return active ? this.#state.revalidate(active) : false
  }

  get #record(): SessionRecord | null {
    return this.#state.read()?.record ?? null
  }

  get #reads(): PendingWrites {
    this.#state.read()
    return this.#state.writes
  }

  get #writes(): PendingWrites {
    this.#state.assertWritable()
    return this.#state.writes
  }

  #requireUser(): ActiveSession {
    const active = this.#state.read()
    if (active && active.record.userId !== null) return active
    throw new AccessError('ERR_UNAUTHENTICATED', 'Sign in to do this.')
  }

  #assertMayManage(fresh: Duration | false = MANAGE_FRESHNESS): void {
    if (fresh !== false) this.assertFresh(fresh)
  }

  #assertMayRemember({ remember }: LoginOptions<D>): void {
    const { preset } = this.#state.manager.settings
    if (!remember || preset === null) return
    throw new UsageError('ERR_USAGE', `The preset ${preset} does not allow remembered sessions.`)
  }

  #initialData(data: Partial<D>): Record<string, never> {
    const { schema } = this.#state.manager.settings
    const given = Object.entries(data).filter(([, value]) => value !== undefined)
    return Object.fromEntries(given.map(([name, value]) => [name, schema.check(name, value)])) as never
  }

  #adopt(issued: Issued, transport: Transport, left: readonly PendingOperation[]): IssuedToken {
    this.#state.adopt(issued, transport, left)
    return { token: transport === 'bearer' ? issued.token : null }
  }
}

function notOfARequest(): UsageError {
  return new UsageError('ERR_USAGE', 'This is no session of a request.')
}
