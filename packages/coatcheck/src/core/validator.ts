import { ActiveSession, type Bearer, type Origin, type Standing } from './active-session.ts'
import { StoreError, UsageError } from './errors.ts'
import type { RefusalReason, RequestContext } from './events.ts'
import type { KeyRing } from './key-ring.ts'
import { type Links, linksOf } from './links.ts'
import type { ManagerContext } from './manager-context.ts'
import { chain, finallyOf, type MaybePromise, recovering } from './maybe-promise.ts'
import { constantTimeEqual } from './platform.ts'
import type { Proof } from './proof.ts'
import { RateLimit } from './rate-limit.ts'
import type { SessionId, SessionRecord, Tombstone, Transport } from './record.ts'
import { judge, missesItsKey, type Presented, quietUntil, type Verdict } from './rotation.ts'
import type { Hit } from './session-cache.ts'
import type { FindResult, Live } from './store.ts'
import { hashSecret, type ParsedToken, parseToken } from './token.ts'
import type { Touches } from './touches.ts'

/**
 * How a request looks at its session. `full`: touches, may rotate, create, set cookies. `read`: touches, nothing else
 * (server-side rendering). `peek`: changes nothing at all (status endpoints).
 */
export type Mode = 'full' | 'read' | 'peek'

export interface ValidateRequest {
  readonly transport: Transport
  readonly context: RequestContext
  readonly mode: Mode
  /** Whether this use counts as activity. */
  readonly touch: boolean
  /** `strong`: the store is asked, whatever the near cache holds. */
  readonly consistency: Consistency
  /** Whether `unsafeServeStale` is for this request, too. */
  readonly onOutage: 'fail' | 'serve-stale'
  /** Of the key that the client holds. A token that is bound is good with a proof of its key alone, another without one alone. */
  readonly proof?: Proof | null
}

/** Whether what another node has changed within `maxStaleness` may go unseen. */
export type Consistency = 'bounded' | 'strong'

export type Validation =
  | { readonly ok: true; readonly session: ActiveSession }
  | {
      readonly ok: false
      readonly reason: RefusalReason
      /**
       * The session, where it ended so recently, by logout or replacement, that a parallel response may just have set
       * the right cookie: then nothing is sent and nothing is created (design section 10). Else `null`.
       */
      readonly recentlyEnded: SessionId | null
    }

const UNKNOWN_SLOT_LOOKUPS_PER_SECOND = 50

/** From a token to a session, or the reason why not (design section 6). Answers at once where the store does. */
export class Validator {
  readonly #context: ManagerContext
  readonly #touches: Touches
  readonly #links: Links
  readonly #unknownSlots: RateLimit

  constructor(context: ManagerContext, touches: Touches, links: Links) {
    this.#context = context
    this.#touches = touches
    this.#links = links
    this.#unknownSlots = new RateLimit(context.environment, UNKNOWN_SLOT_LOOKUPS_PER_SECOND)
  }

  /** By length, alphabet and tag alone; one under an unknown key may be good. */
  recognises(token: string): boolean {
    return parseToken(this.#context.ring, token).ok
  }

  validate(token: string, request: ValidateRequest): MaybePromise<Validation> {
    const { cache } = this.#context
    const hit =
      request.consistency === 'strong' ? null : cache?.hit(cacheKey(token, request), request.transport)
    if (hit) return this.#acceptedFromCache(hit, token, request)
    const { unsafeServeStale } = this.#context.settings
    if (unsafeServeStale === 0 || request.onOutage === 'fail') return this.#lookUp(token, request)
    return recovering(
      () => this.#lookUp(token, request),
      (error) => this.#serveStale(error, token, request),
    )
  }

  #serveStale(error: unknown, token: string, request: ValidateRequest): MaybePromise<Validation> {
    const { cache, settings } = this.#context
    if (!(error instanceof StoreError) || request.consistency === 'strong') throw error
    const hit = cache?.stale(cacheKey(token, request), request.transport, settings.unsafeServeStale)
    if (!hit) throw error
    this.#context.emit('served-stale', hit.source.record, request.context, {})
    return this.#acceptedFromCache(hit, token, request)
  }

  #acceptedFromCache(hit: Hit, token: string, request: ValidateRequest): MaybePromise<Validation> {
    const { environment, ring } = this.#context
    const session = new ActiveSession(environment, hit, new PresentedToken(ring, token, request))
    if (!request.proof) return this.#acceptHit(hit, session, request)
    return this.#spent(request, session, () => this.#acceptHit(hit, session, request))
  }

  #acceptHit(hit: Hit, session: ActiveSession, request: ValidateRequest): Validation {
    if (!hit.touchDue) return { ok: true, session }
    const accepted = this.#accepted(session, request, null)
    if (request.touch && request.mode !== 'peek') this.#context.cache?.used(session.record.id)
    return accepted
  }

  #lookUp(token: string, request: ValidateRequest): MaybePromise<Validation> {
    const parsed = parseToken(this.#context.ring, token)
    if (!parsed.ok) return this.#refuse(parsed.reason, null, request)
    // The tag could not be checked, so only this limit stands between a flood and the store.
    if (!parsed.authentic && !this.#unknownSlots.take()) return this.#refuse('rate-limited', null, request)
    const { cache } = this.#context
    if (cache === null) {
      return chain(this.#context.find(parsed.id, request.context), (found) =>
        this.#judgeLinked(found, parsed, request, null),
      )
    }
    const reading = cache.reading(parsed.id)
    const keep: Keep = (live, until, touchInterval) =>
      cache.keep(reading, cacheKey(token, request), live, { until, touchInterval })
    const done = () => cache.done(reading)
    return chain(
      finallyOf(() => this.#context.find(parsed.id, request.context), done),
      (found) => this.#judgeLinked(found, parsed, request, keep),
    )
  }

  /** One that is linked with others is good while they are. It is not kept: what happens to them is not told of it. */
  #judgeLinked(
    found: FindResult,
    parsed: ParsedToken,
    request: ValidateRequest,
    keep: Keep | null,
  ): MaybePromise<Validation> {
    if (found.status !== 'live' || linksOf(found.record).length === 0) {
      return this.#judgeFound(found, parsed, request, keep)
    }
    return chain(this.#links.check(found.record), (alive) =>
      alive ? this.#judgeFound(found, parsed, request, null) : this.#refuse('ended', found.record, request),
    )
  }

  #judgeFound(
    found: FindResult,
    parsed: ParsedToken,
    request: ValidateRequest,
    keep: Keep | null,
  ): MaybePromise<Validation> {
    if (found.status === 'unknown') return this.#refuse('unknown', { id: parsed.id, userId: null }, request)
    if (found.status === 'ended') return this.#refuseEnded(found, request)
    const { record, now } = found
    if (record.transport !== request.transport) return this.#refuse('transport', record, request)
    const binding = request.proof?.jkt ?? null
    const presented = {
      secretHash: hashSecret('session', parsed.id, parsed.secret, {
        name: this.#context.ring.name,
        slot: parsed.slot,
        binding,
      }),
      generation: () => parsed.generation(),
    }
    const verdict = judge(record.rotation, presented, now, this.#context.settings.rotation, constantTimeEqual)
    if (failsToMatch(verdict) && this.#missesItsKey(record, presented, binding)) {
      return this.#refuse('binding', record, request)
    }
    if (keep && verdict.kind === 'valid') this.#keep(found, keep)
    const { environment } = this.#context
    const accept = (standing: Standing) =>
      new ActiveSession(
        environment,
        { source: found, ahead: now - environment.monotonic() },
        {
          bearer: { secret: parsed.secret, slot: parsed.slot },
          standing,
          transport: request.transport,
          context: request.context,
          isFromCache: false,
          binding,
        },
      )
    return this.#carryOut(verdict, record, request, accept)
  }

  #missesItsKey(record: SessionRecord, presented: Presented, binding: string | null): boolean {
    const { bindingOf } = this.#context.settings
    if (bindingOf !== null) return bindingOf(record) !== binding
    return record.transport === 'bearer' && missesItsKey(record.rotation, presented)
  }

  #keep(live: Live, keep: Keep): void {
    const { record } = live
    const { rotation, lifetimes } = this.#context.settings
    // A bearer rotates when it asks for that, and is told then.
    const rotates = record.userId !== null && record.transport === 'cookie'
    keep(live, quietUntil(record.rotation, rotates, rotation), lifetimes[record.lifetime].touchInterval)
  }

  #carryOut(
    verdict: Verdict,
    record: SessionRecord,
    request: ValidateRequest,
    accept: (standing: Standing) => ActiveSession,
  ): MaybePromise<Validation> {
    switch (verdict.kind) {
      case 'valid':
        return this.#spend(accept('valid'), request, verdict)
      case 'superseded':
        if (verdict.previous.context === request.context.fingerprint) {
          return this.#spend(accept('superseded'), request, null)
        }
        return this.#sharedRotation(verdict.previous.context, record, request, accept)
      case 'reuse':
        return this.#reuse(verdict.cause, record, request)
      default:
        return this.#refuse(verdict.kind, record, request)
    }
  }

  #spend(
    session: ActiveSession,
    request: ValidateRequest,
    verdict: Extract<Verdict, { kind: 'valid' }> | null,
  ): MaybePromise<Validation> {
    return this.#spent(request, session, () => this.#accepted(session, request, verdict))
  }

  /**
   * A proof counts as used once a live session is known to be meant by it, and before anything is recorded: so nobody but
   * the holders of sessions can fill the memory of proofs, and a request that is replayed is no activity.
   */
  #spent(
    request: ValidateRequest,
    { record }: ActiveSession,
    accept: () => Validation,
  ): MaybePromise<Validation> {
    if (!request.proof) return accept()
    return chain(request.proof.spend(), (first) =>
      first ? accept() : this.#refuse('proof', record, request),
    )
  }

  #accepted(
    session: ActiveSession,
    request: ValidateRequest,
    verdict: Extract<Verdict, { kind: 'valid' }> | null,
  ): Validation {
    if (request.touch && request.mode !== 'peek') {
      const { record } = session
      const settling = verdict?.settling
        ? { ifRevision: record.rotation.revision, next: verdict.settling }
        : null
      this.#touches.use(session, this.#context.settings.lifetimes[record.lifetime].touchInterval, settling)
    }
    return { ok: true, session }
  }

  #sharedRotation(
    previousContext: string,
    record: SessionRecord,
    request: ValidateRequest,
    accept: (standing: Standing) => ActiveSession,
  ): MaybePromise<Validation> {
    const action = request.mode === 'peek' ? 'report' : this.#context.settings.onSharedRotation
    this.#context.emit('shared-rotation', record, request.context, { previousContext, action })
    if (action === 'report') return this.#spend(accept('superseded'), request, null)
    return this.#endAndRefuse('shared-rotation', record, request)
  }

  #reuse(
    cause: Extract<Verdict, { kind: 'reuse' }>['cause'],
    record: SessionRecord,
    request: ValidateRequest,
  ): MaybePromise<Validation> {
    const action = request.mode === 'peek' ? 'report' : this.#context.settings.onReuse
    const previousContext = record.rotation.previous?.context ?? null
    this.#context.emit('reused', record, request.context, { cause, previousContext, action })
    if (action === 'end') return this.#endAndRefuse('reuse', record, request)
    return this.#refuse('reuse', record, request)
  }

  async #endAndRefuse(
    reason: 'reuse' | 'shared-rotation',
    record: SessionRecord,
    request: ValidateRequest,
  ): Promise<Validation> {
    await this.#links.endLinked(record)
    await this.#context.end(record.id, reason, request.context)
    return this.#refuse('reuse', record, request)
  }

  #refuseEnded(found: Extract<FindResult, { status: 'ended' }>, request: ValidateRequest): Validation {
    const { tombstone, now } = found
    const expired = tombstone.reason === 'idle' || tombstone.reason === 'absolute'
    const recently = now - tombstone.endedAt < this.#context.settings.rotation.rotationGrace
    return this.#refuse(
      expired ? 'expired' : 'ended',
      tombstone,
      request,
      recently && endedByItsUser(tombstone) ? tombstone.id : null,
    )
  }

  #refuse(
    reason: RefusalReason,
    subject: Pick<SessionRecord, 'id' | 'userId'> | null,
    request: ValidateRequest,
    recentlyEnded: SessionId | null = null,
  ): Validation {
    this.#context.emit('token-refused', subject ?? { id: null, userId: null }, request.context, { reason })
    return { ok: false, reason, recentlyEnded }
  }
}

/** Keeps an answer of the store until an instant of its clock. */
type Keep = (live: Live, until: number, touchInterval: number) => void

/** What an answer is kept under: with the key, where one was proven, so that a hit needs no other look at it. */
function cacheKey(token: string, { proof }: ValidateRequest): string {
  return proof ? `${token}.${proof.jkt}` : token
}

/** Whether the secret is neither the current nor the last one. */
function failsToMatch(verdict: Verdict): boolean {
  return verdict.kind === 'forged' || (verdict.kind === 'reuse' && verdict.cause === 'older-generation')
}

/** A token that was recognised as a whole, and is taken apart only when its parts are needed. */
class PresentedToken implements Bearer, Origin {
  readonly #ring: KeyRing
  readonly #text: string
  readonly #request: ValidateRequest

  constructor(ring: KeyRing, text: string, request: ValidateRequest) {
    this.#ring = ring
    this.#text = text
    this.#request = request
  }

  get bearer(): Bearer {
    return this
  }

  get standing(): Standing {
    return 'valid'
  }

  get transport(): Transport {
    return this.#request.transport
  }

  get context(): RequestContext {
    return this.#request.context
  }

  get isFromCache(): boolean {
    return true
  }

  get binding(): string | null {
    return this.#request.proof?.jkt ?? null
  }

  get secret(): Uint8Array {
    return this.#parsed.secret
  }

  get slot(): number {
    return this.#parsed.slot
  }

  get #parsed(): ParsedToken {
    const parsed = parseToken(this.#ring, this.#text)
    if (parsed.ok) return parsed
    throw new UsageError('ERR_USAGE', 'The key of a token that was accepted is gone.')
  }
}

function endedByItsUser({ reason }: Tombstone): boolean {
  return reason === 'logout' || reason === 'replaced'
}
