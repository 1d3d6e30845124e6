import { toBase64Url } from './encoding.ts'
import type { Environment } from './environment.ts'
import type { EventName, Events, RequestContext, SessionEvents } from './events.ts'
import type { GuardedStore } from './guarded-store.ts'
import type { KeyRing } from './key-ring.ts'
import { chain, type MaybePromise } from './maybe-promise.ts'
import type { CoreSettings } from './options.ts'
import type { EndReason, SessionId } from './record.ts'
import type { SessionCache } from './session-cache.ts'
import type { Ended, FindResult } from './store.ts'
import { isUserOf } from './user-ids.ts'

/** Whom and what an event is about. */
interface Subject {
  readonly id: SessionId | null
  readonly userId: string | null
}

/** What the parts of the manager share once the store and the keys are open. */
export class ManagerContext {
  readonly settings: CoreSettings
  readonly environment: Environment
  readonly store: GuardedStore
  readonly events: Events
  readonly ring: KeyRing
  readonly cache: SessionCache | null

  constructor(
    settings: CoreSettings,
    parts: {
      readonly store: GuardedStore
      readonly events: Events
      readonly ring: KeyRing
      readonly cache: SessionCache | null
    },
  ) {
    this.settings = settings
    this.environment = settings.environment
    this.store = parts.store
    this.events = parts.events
    this.ring = parts.ring
    this.cache = parts.cache
  }

  /** Emits with the parts that every event has. */
  emit<N extends EventName>(
    name: N,
    subject: Subject,
    context: RequestContext | null,
    details: Omit<SessionEvents[N], 'at' | 'sessionId' | 'userId' | 'context'>,
  ): void {
    const event = {
      at: this.environment.now(),
      sessionId: subject.id,
      userId: subject.userId,
      context,
      ...details,
    }
    this.events.emit(name, event as unknown as SessionEvents[N])
  }

  /** Of these sessions: a sweep also ends what hangs on them, and is kept in the same store. */
  emitEnded(ended: readonly Ended[], context: RequestContext | null = null): void {
    const own = ended.filter(({ userId }) => isUserOf(this.settings.innerUsers, userId))
    for (const one of own) this.emit('ended', one, context, { reason: one.reason })
  }

  /** Looks a session up; where the look found it past a deadline, its end is reported. */
  find(id: SessionId, context: RequestContext | null = null): MaybePromise<FindResult> {
    return chain(this.store.find(id), (found) => {
      if (found.status !== 'live') this.cache?.changed(id)
      if (found.status === 'ended' && found.justEnded) this.emitEnded([found.tombstone], context)
      return found
    })
  }

  /** Ends one session and reports it. Answers whether this call ended anything. */
  async end(
    id: SessionId,
    reason: EndReason,
    context: RequestContext | null,
    follow = false,
  ): Promise<boolean> {
    const result = await this.store.call('end', id, { reason, follow })
    if (result.outcome !== 'ended') return false
    this.emitEnded(result.ended, context)
    return true
  }

  /** Unique per logical write, so that a resent command is applied once (design section 7). */
  newOperationId(): string {
    return toBase64Url(this.environment.randomBytes(12))
  }
}
