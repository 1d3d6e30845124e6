import type { Environment } from '../core/environment.ts'
import type { ChangeFeed } from '../core/store.ts'
import { PARTITIONS } from '../core/token.ts'

/** Probes sent while one lease lasts, so that a late echo or two do not end it. */
const PROBES_PER_LEASE = 4

/** How old a proof may be where the next one costs microseconds, in milliseconds. */
const IMMEDIATE_AGE = 5

/** A lease that nobody has asked for during this many lasts no longer: an idle node sends no probes. */
const IDLE_LEASES = 5

/**
 * Which partitions are proven fresh, and until when. A lease runs from the moment when a probe was sent that has come back
 * through the feed, behind every change made before it: so whoever uses what was kept during a lease is behind the store by
 * less than `maxStaleness`. A heartbeat merely received would prove nothing: after a stall, old beats are read before the
 * change that is queued behind them. It ends when either clock has moved that far: one may stand still while a machine
 * sleeps, the other be stepped.
 */
export class Leases {
  readonly #environment: Environment
  readonly #maxStaleness: number
  /** When the probe was sent that last proved each partition: monotonic clock, wall clock. */
  readonly #provenAt = new Float64Array(PARTITIONS).fill(Number.NEGATIVE_INFINITY)
  readonly #wallAt = new Float64Array(PARTITIONS).fill(Number.NEGATIVE_INFINITY)
  readonly #onDivergence: () => void
  #feed: ChangeFeed | null = null
  #cancel: (() => void) | null = null
  #askedAt = 0
  #sentAt = Number.NEGATIVE_INFINITY
  /** Wall minus monotonic clock when they last parted company: what they drift apart by adds up. */
  #offset: number
  /** Probes that came back, and how long that took in all and at most, in milliseconds. */
  echoes = 0
  echoTime = 0
  longestEcho = 0

  /** `onDivergence`: one of the clocks was stepped or stood still, so that no deadline counted by them holds any more. */
  constructor(environment: Environment, maxStaleness: number, onDivergence: () => void) {
    this.#environment = environment
    this.#maxStaleness = maxStaleness
    this.#onDivergence = onDivergence
    this.#offset = environment.now() - environment.monotonic()
  }

  start(feed: ChangeFeed): void {
    this.#feed = feed
    this.refresh(this.#environment.monotonic())
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#feed = null
  }

  /**
   * Sends a probe where it is time for one; to be called before anything is looked up, since what comes back with the probe
   * may change it. `monotonic` is the monotonic clock now.
   */
  refresh(monotonic: number): void {
    this.#askedAt = monotonic
    if (this.#feed?.immediate) {
      if (monotonic - this.#sentAt >= IMMEDIATE_AGE) this.#probe(this.#feed)
    } else this.#keepProbing()
  }

  /** The same before the store is read: what has been changed by then is told by then, where that can be. */
  catchUp(): void {
    if (this.#feed?.immediate) this.#probe(this.#feed)
  }

  /** Whether the partition is proven fresh at `monotonic`, the monotonic clock now. */
  holds(partition: number, monotonic: number): boolean {
    if (monotonic - (this.#provenAt[partition] as number) >= this.#maxStaleness) return false
    const moved = this.#environment.now() - (this.#wallAt[partition] as number)
    return moved < this.#maxStaleness && moved > -this.#maxStaleness
  }

  /** Whether there was a lease within the last `within` milliseconds of both clocks. */
  held(partition: number, within: number): boolean {
    const longest = this.#maxStaleness + within
    if (this.#environment.monotonic() - (this.#provenAt[partition] as number) >= longest) return false
    return Math.abs(this.#environment.now() - (this.#wallAt[partition] as number)) < longest
  }

  #keepProbing(): void {
    if (this.#cancel !== null || this.#feed === null) return
    this.#probe(this.#feed)
    this.#cancel = this.#environment.setTimer(this.#maxStaleness / PROBES_PER_LEASE, () => {
      this.#cancel = null
      const idle = this.#environment.monotonic() - this.#askedAt
      if (idle < IDLE_LEASES * this.#maxStaleness) this.#keepProbing()
    })
  }

  #probe(feed: ChangeFeed): void {
    const sentAt = this.#environment.monotonic()
    const wallAt = this.#environment.now()
    const moved = wallAt - sentAt - this.#offset
    this.#sentAt = sentAt
    if (Math.abs(moved) >= this.#maxStaleness) {
      this.#offset = wallAt - sentAt
      this.#onDivergence()
    }
    feed.probe((partitions) => this.#echoed(partitions, sentAt, wallAt))
  }

  #echoed(partitions: readonly number[] | null, sentAt: number, wallAt: number): void {
    const took = this.#environment.monotonic() - sentAt
    this.echoes++
    this.echoTime += took
    this.longestEcho = Math.max(this.longestEcho, took)
    if (partitions === null) {
      this.#provenAt.fill(sentAt)
      this.#wallAt.fill(wallAt)
      return
    }
    for (const partition of partitions) {
      // Echoes of several ways may overtake each other.
      if (sentAt <= (this.#provenAt[partition] as number)) continue
      this.#provenAt[partition] = sentAt
      this.#wallAt[partition] = wallAt
    }
  }
}
