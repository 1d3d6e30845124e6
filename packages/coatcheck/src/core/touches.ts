import type { ActiveSession } from './active-session.ts'
import type { Environment } from './environment.ts'
import type { GuardedStore } from './guarded-store.ts'
import type { SessionId } from './record.ts'
import type { RotationChange, Touch } from './store.ts'

interface Pending {
  usedAt: number
  rotation?: RotationChange
}

/**
 * Records activity without holding up requests: at most one write per session and interval from this node, everything
 * that is due in one batch. A use within the interval is not recorded, which is why the stored idle timeout includes one
 * interval: a session never ends early, and lives at most one interval longer (EXP-08, P8).
 */
export class Touches {
  readonly #store: GuardedStore
  readonly #environment: Environment
  #pending = new Map<SessionId, Pending>()
  /** The batch being written, by when each session was used: until their next read sees it, it says what is recorded. */
  #writing: ReadonlyMap<SessionId, Pending> = new Map()
  #flushing: Promise<void> | null = null

  constructor(store: GuardedStore, environment: Environment) {
    this.#store = store
    this.#environment = environment
  }

  /** Notes a use of the session: written if the last recorded one is an interval old, or if `rotation` has to move on. */
  use(session: ActiveSession, interval: number, rotation: RotationChange | null): void {
    const usedAt = this.#environment.monotonic()
    const due = session.now() - session.record.lastSeenAt >= interval
    const writing = this.#writing.get(session.record.id)
    if (!rotation && (!due || (writing && usedAt - writing.usedAt < interval))) return
    const earlier = this.#pending.get(session.record.id)
    if (earlier) {
      earlier.usedAt = usedAt
      if (rotation) earlier.rotation = rotation
    } else {
      this.#pending.set(session.record.id, rotation ? { usedAt, rotation } : { usedAt })
    }
    // Uses of the same turn share a batch.
    this.#flushing ??= Promise.resolve().then(() => this.#drain())
  }

  /** The same for a session that nobody has read for this use: whoever calls knows that it is due. */
  note(id: SessionId): void {
    const usedAt = this.#environment.monotonic()
    const earlier = this.#pending.get(id)
    if (earlier) earlier.usedAt = usedAt
    else this.#pending.set(id, { usedAt })
    this.#flushing ??= Promise.resolve().then(() => this.#drain())
  }

  /** Waits until everything noted so far is written, or has failed and been reported. */
  async flush(): Promise<void> {
    while (this.#flushing !== null) await this.#flushing
  }

  async #drain(): Promise<void> {
    while (this.#pending.size > 0) {
      this.#writing = this.#pending
      this.#pending = new Map()
      try {
        await this.#store.call('touch', this.#toBatch(this.#writing))
      } catch {
        // Reported by the guarded store. The next use finds the old `lastSeenAt` and tries again.
      }
      this.#writing = new Map()
    }
    this.#flushing = null
  }

  #toBatch(uses: ReadonlyMap<SessionId, Pending>): Touch[] {
    const now = this.#environment.monotonic()
    return [...uses].map(([id, { usedAt, rotation }]) => ({
      id,
      ago: now - usedAt,
      ...(rotation ? { rotation } : {}),
    }))
  }
}
