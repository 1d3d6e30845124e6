import { ActiveSession } from './active-session.ts'
import { AccessError, StoreError } from './errors.ts'
import type { RequestContext } from './events.ts'
import type { JsonFields } from './json.ts'
import type { ManagerContext } from './manager-context.ts'
import type { Authentication, Device, LifetimeKind, SessionId, Transport } from './record.ts'
import type { Live, NewSession, ReplaceResult } from './store.ts'
import { hashSecret, issueToken, newSecret, newSessionId } from './token.ts'
import type { PendingOperation, Writer } from './writer.ts'

/** A session that was just made, and the only moment at which its token is known in clear. */
export interface Issued {
  readonly session: ActiveSession
  readonly token: string
}

/** Taken before a password check; a login with it is refused if the user's sessions were all ended meanwhile. */
export interface LoginAttempt {
  readonly userId: string
  readonly epoch: string
}

export interface StartRequest {
  readonly transport: Transport
  readonly context: RequestContext
  readonly data: JsonFields
  /** Thumbprint of the key that the session shall be bound to. Default none. */
  readonly binding?: string | null
}

export interface LoginRequest {
  readonly userId: string
  readonly transport: Transport
  readonly context: RequestContext
  readonly remember: boolean
  readonly authentication: Authentication
  /** Initial fields, over what is carried. */
  readonly data: JsonFields
  /** Fields that come along, where the session before was anonymous or of the same user. */
  readonly carry: readonly string[] | 'all'
  /** Writes of this request that go with what is carried. */
  readonly operations: readonly PendingOperation[]
  readonly attempt: LoginAttempt | null
  /** Thumbprint of the key that the session shall be bound to. Default none. */
  readonly binding?: string | null
  /** What is left to the session that this one is handed over from, in milliseconds: it lives no longer, and proves nothing anew. */
  readonly handedOver?: number
  /** With `handedOver`: it proves who the user is all the same. */
  readonly proven?: boolean
}

export interface ReauthenticateRequest {
  readonly authentication: Authentication
  readonly operations: readonly PendingOperation[]
  /** Binds a session that is not bound yet; one that is stays bound to its key. */
  readonly binding?: string | null
}

interface Replacement {
  readonly old: ActiveSession | null
  readonly session: Omit<NewSession, 'id' | 'secretHash'>
  readonly requireOld: boolean
  /** Whether the limit of sessions applies: not to a step-up, which makes none more. */
  readonly limited: boolean
  readonly carry: readonly string[] | 'all'
  readonly operations: readonly PendingOperation[]
  readonly attempt: LoginAttempt | null
  readonly context: RequestContext
  readonly binding: string | null
}

const ATTEMPTS = 16

/** Makes sessions. Each has a new id and a fresh secret that follows from nothing (P5): login and step-up never derive. */
export class Issuer {
  readonly #context: ManagerContext
  readonly #writer: Writer

  constructor(context: ManagerContext, writer: Writer) {
    this.#context = context
    this.#writer = writer
  }

  async start({ transport, context, data, binding = null }: StartRequest): Promise<Issued> {
    const authentication = { methods: [], level: null }
    const id = newSessionId(this.#context.environment, null)
    const secret = newSecret(this.#context.environment)
    const session = this.#describe('anonymous', { userId: null, transport, context, data, authentication })
    const result = await this.#context.store.call('create', {
      ...session,
      ...this.#credential(id, secret, binding),
    })
    if (result.outcome !== 'ok') throw this.#collision()
    const issued = this.#issue(id, secret, result, { context, binding })
    this.#context.emit('created', issued.session.record, context, {})
    return issued
  }

  /** Throws `ERR_SESSION_LIMIT` (policy `refuse`) or `ERR_LOGIN_STALE` with the session before untouched. */
  async login(old: ActiveSession | null, request: LoginRequest): Promise<Issued> {
    const kind = request.remember ? 'remembered' : 'signedIn'
    const before = old?.record.userId ?? null
    const comesAlong = before === null || before === request.userId
    const issued = await this.#replace({
      old,
      session: this.#describe(kind, request),
      requireOld: false,
      limited: true,
      carry: comesAlong ? request.carry : [],
      operations: comesAlong ? request.operations : [],
      attempt: request.attempt,
      context: request.context,
      binding: request.binding ?? null,
    })
    const { methods } = request.authentication
    const replaces = issued.session.record.replaces
    this.#context.emit('logged-in', issued.session.record, request.context, { replaces, methods })
    return issued
  }

  /** Step-up: everything is kept but id, token and clocks. Throws `ERR_SESSION_GONE` where the session ended meanwhile. */
  async reauthenticate(old: ActiveSession, request: ReauthenticateRequest): Promise<Issued> {
    const { userId, transport, lifetime } = old.record
    const { context } = old
    const issued = await this.#replace({
      old,
      session: this.#describe(lifetime, { userId, transport, context, data: {}, ...request }),
      requireOld: true,
      limited: false,
      carry: 'all',
      operations: request.operations,
      attempt: null,
      context,
      binding: old.binding ?? request.binding ?? null,
    })
    const details = { replaces: old.record.id, methods: request.authentication.methods }
    this.#context.emit('reauthenticated', issued.session.record, context, details)
    return issued
  }

  async #replace(replacement: Replacement): Promise<Issued> {
    const { old, session, context, binding } = replacement
    if (old && replacement.carry.length > 0) await this.#writer.upgrade(old)
    const id = newSessionId(this.#context.environment, session.userId)
    const secret = newSecret(this.#context.environment)
    const credential = this.#credential(id, secret, binding)
    const result = await this.#replaceUntilApplied(replacement, { ...session, ...credential })
    if (result.replaced) this.#context.emitEnded([result.replaced], context)
    if (result.evicted.length > 0) {
      this.#reportLimit(session.userId, context)
      this.#context.emitEnded(result.evicted)
    }
    return this.#issue(id, secret, result, { context, binding })
  }

  async #replaceUntilApplied(
    replacement: Replacement,
    session: NewSession,
  ): Promise<Extract<ReplaceResult, { outcome: 'ok' }>> {
    let { old } = replacement
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = await this.#context.store.call('replace', old?.record.id ?? null, session, {
        operationId: this.#context.newOperationId(),
        reason: 'replaced',
        requireOld: replacement.requireOld,
        carry: replacement.carry,
        operations: this.#writer.compile(
          carriedData(old, replacement.carry, session.data),
          replacement.operations,
        ),
        maxBytes: this.#context.settings.maxDataBytes,
        limit: replacement.limited ? this.#context.settings.maxSessions : null,
        ifEpoch: replacement.attempt?.epoch ?? null,
      })
      if (result.outcome === 'ok') return result
      if (result.outcome !== 'conflict') throw this.#refusal(result, replacement)
      // An `update` met another writer: look at what the session holds now, or at nothing once it is gone.
      const found = old ? await this.#context.find(old.record.id) : null
      if (found?.status === 'live') old?.refresh(found)
      else old = null
    }
    throw new AccessError(
      'ERR_CONFLICT',
      "The session's data kept changing during the login; nothing was written.",
    )
  }

  #refusal(
    result: Exclude<ReplaceResult, { outcome: 'ok' | 'conflict' }>,
    { session, context }: Replacement,
  ): Error {
    switch (result.outcome) {
      case 'gone':
        return new AccessError('ERR_SESSION_GONE', 'The session has ended; sign in again.')
      case 'limit':
        this.#reportLimit(session.userId, context)
        return new AccessError('ERR_SESSION_LIMIT', 'The user has as many sessions as maxSessions allows.')
      case 'stale':
        return new AccessError(
          'ERR_LOGIN_STALE',
          "The user's sessions were ended while this login was under way; sign in again.",
        )
      case 'rejected':
        return this.#writer.rejection(result.field, result.cause)
      default:
        return this.#collision()
    }
  }

  #describe(
    lifetime: LifetimeKind,
    from: {
      readonly userId: string | null
      readonly transport: Transport
      readonly context: RequestContext
      readonly data: JsonFields
      readonly authentication: Authentication
      readonly handedOver?: number
      readonly proven?: boolean
    },
  ): Omit<NewSession, 'id' | 'secretHash'> {
    const { storedIdle, absolute } = this.#context.settings.lifetimes[lifetime]
    return {
      userId: from.userId,
      lifetime,
      idleTimeout: storedIdle,
      absoluteTimeout: Math.min(absolute, from.handedOver ?? absolute),
      authenticated: from.userId !== null && (from.handedOver === undefined || from.proven === true),
      authentication: from.authentication,
      transport: from.transport,
      device: toDevice(from.context),
      data: from.data,
      schemaVersion: this.#context.settings.schema.version,
    }
  }

  #credential(
    id: SessionId,
    secret: Uint8Array,
    binding: string | null,
  ): Pick<NewSession, 'id' | 'secretHash'> {
    const { name, currentSlot } = this.#context.ring
    return { id, secretHash: hashSecret('session', id, secret, { name, slot: currentSlot, binding }) }
  }

  #issue(
    id: SessionId,
    secret: Uint8Array,
    live: Live,
    { context, binding }: Pick<Replacement, 'context' | 'binding'>,
  ): Issued {
    const { ring } = this.#context
    const slot = ring.currentSlot
    const { environment } = this.#context
    const met = { source: live, ahead: live.now - environment.monotonic() }
    const session = new ActiveSession(environment, met, {
      bearer: { secret, slot },
      standing: 'valid',
      transport: live.record.transport,
      context,
      isFromCache: false,
      binding,
    })
    return { session, token: issueToken(ring, slot, id, secret, live.record.rotation.generation) }
  }

  #reportLimit(userId: string | null, context: RequestContext): void {
    const action = this.#context.settings.maxSessions?.onLimit ?? 'refuse'
    this.#context.emit('limited', { id: null, userId }, context, { action })
  }

  /** 120 random bits met an id that exists: a broken random source, not bad luck. */
  #collision(): StoreError {
    return new StoreError('ERR_STORE_UNAVAILABLE', 'A new session id already existed in the store.', {
      retryable: true,
    })
  }
}

/** What functions among a login's writes are first applied to; the store has the last word. */
function carriedData(
  old: ActiveSession | null,
  carry: readonly string[] | 'all',
  data: JsonFields,
): JsonFields {
  if (!old) return data
  const fields = Object.entries(old.record.data).filter(([field]) => carry === 'all' || carry.includes(field))
  return { ...Object.fromEntries(fields), ...data }
}

function toDevice({ userAgent, address, label }: RequestContext): Device {
  return { userAgent, address, label }
}
