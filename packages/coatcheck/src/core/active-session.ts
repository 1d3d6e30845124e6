import type { Environment } from './environment.ts'
import type { RequestContext } from './events.ts'
import { deadlines } from './lifetimes.ts'
import type { SessionRecord } from './record.ts'
import type { Live } from './store.ts'

/** How a session was met: by its current secret, or by the previous one before its rotation settled. */
export type Standing = 'valid' | 'superseded'

/**
 * One request's view of a live session: the record as last read, and the clock it was read by. The manager moves it on
 * as the request writes, rotates, logs in; it is not shared between requests.
 */
export class ActiveSession {
  readonly context: RequestContext
  readonly #environment: Environment
  #live: Live
  #readAt: number
  readonly #secret: Uint8Array
  /** Key slot of that token. */
  readonly slot: number
  #standing: Standing
  #judgedRevision: number

  constructor(
    environment: Environment,
    live: Live,
    origin: {
      readonly secret: Uint8Array
      readonly slot: number
      readonly standing: Standing
      readonly context: RequestContext
    },
  ) {
    this.#environment = environment
    this.#live = live
    this.#readAt = environment.monotonic()
    this.#secret = origin.secret
    this.slot = origin.slot
    this.#standing = origin.standing
    this.#judgedRevision = live.record.rotation.revision
    this.context = origin.context
  }

  /**
   * Of the token that the request presented or was given; needed to derive a successor. Never leaves the core, and is
   * not an own property, so that a printed session does not show it (AUD-01).
   */
  get secret(): Uint8Array {
    return this.#secret
  }

  get standing(): Standing {
    return this.#standing
  }

  /** Whether the rotating half has changed since the secret was judged by it: a write brings the record as it is by then. */
  get isOvertaken(): boolean {
    return this.record.rotation.revision !== this.#judgedRevision
  }

  get record(): SessionRecord {
    return this.#live.record
  }

  /** The store's clock now: as it was read, counted on monotonically, so that no step of the wall clock matters. */
  now(): number {
    return this.#live.now + (this.#environment.monotonic() - this.#readAt)
  }

  /** Takes a newer answer of the store. */
  refresh(live: Live): void {
    this.#live = live
    this.#readAt = this.#environment.monotonic()
  }

  /** Notes how the secret was met by the record as it is now. */
  judged(standing: Standing): void {
    this.#standing = standing
    this.#judgedRevision = this.record.rotation.revision
  }

  /** Milliseconds left of both limits, never negative. */
  remaining(): { readonly idle: number; readonly absolute: number } {
    const now = this.now()
    const { idle, absolute } = deadlines(this.record)
    return { idle: Math.max(0, idle - now), absolute: Math.max(0, absolute - now) }
  }

  /** Whether the user proved who they are within the last `milliseconds`. */
  authenticatedWithin(milliseconds: number): boolean {
    const { authenticatedAt } = this.record
    return authenticatedAt !== null && this.now() - authenticatedAt <= milliseconds
  }
}
