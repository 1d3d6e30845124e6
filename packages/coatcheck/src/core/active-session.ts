import type { Environment } from './environment.ts'
import type { RequestContext } from './events.ts'
import { deadlines } from './lifetimes.ts'
import type { SessionRecord, Transport } from './record.ts'
import type { Live } from './store.ts'

/** How a session was met: by its current secret, or by the previous one before its rotation settled. */
export type Standing = 'valid' | 'superseded'

/** Who holds a session: what of the token is needed to derive its successor. */
export interface Bearer {
  readonly secret: Uint8Array
  /** Key slot of the token. */
  readonly slot: number
}

/** How a request came to its session; kept by reference, so what costs something may be a getter. */
export interface Origin {
  readonly bearer: Bearer
  readonly standing: Standing
  readonly transport: Transport
  readonly context: RequestContext
  /** Whether the record is one that the near cache has kept. */
  readonly isFromCache: boolean
  /** Thumbprint of the key that the session is bound to, and that this request has proven to hold; `null`: unbound. */
  readonly binding: string | null
}

/**
 * One request's view of a live session: the record as last read, and the clock it was read by. The manager moves it on
 * as the request writes, rotates, logs in; it is not shared between requests.
 */
export class ActiveSession {
  readonly #environment: Environment
  readonly #origin: Origin
  #source: { readonly record: SessionRecord }
  /** What the store's clock is ahead of the monotonic one. */
  #ahead: number
  #standing: Standing
  /** `null`: the revision that the session was met with. */
  #judgedRevision: number | null = null
  #isFromCache: boolean

  constructor(
    environment: Environment,
    met: { readonly source: { readonly record: SessionRecord }; readonly ahead: number },
    origin: Origin,
  ) {
    this.#environment = environment
    this.#origin = origin
    this.#source = met.source
    this.#ahead = met.ahead
    this.#standing = origin.standing
    this.#isFromCache = origin.isFromCache
  }

  get context(): RequestContext {
    return this.#origin.context
  }

  get transport(): Transport {
    return this.#origin.transport
  }

  get binding(): string | null {
    return this.#origin.binding
  }

  /**
   * Of the token that the request presented or was given; needed to derive a successor. Never leaves the core, and is
   * not an own property, so that a printed session does not show it (AUD-01).
   */
  get secret(): Uint8Array {
    return this.#origin.bearer.secret
  }

  /** Key slot of that token. */
  get slot(): number {
    return this.#origin.bearer.slot
  }

  get standing(): Standing {
    return this.#standing
  }

  /** Whether the rotating half has changed since the secret was judged by it: a write brings the record as it is by then. */
  get isOvertaken(): boolean {
    return this.#judgedRevision !== null && this.record.rotation.revision !== this.#judgedRevision
  }

  /** Whether the record is one that the near cache has kept, which it does only while nothing is due on it. */
  get isFromCache(): boolean {
    return this.#isFromCache
  }

  get record(): SessionRecord {
    return this.#source.record
  }

  /** The store's clock now: as it was read, counted on monotonically, so that no step of the wall clock matters. */
  now(): number {
    return this.#environment.monotonic() + this.#ahead
  }

  /** Takes a newer answer of the store. */
  refresh(live: Live): void {
    this.#judgedRevision ??= this.record.rotation.revision
    this.#source = live
    this.#ahead = live.now - this.#environment.monotonic()
    this.#isFromCache = false
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
