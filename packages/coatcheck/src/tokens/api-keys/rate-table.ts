import type { Environment } from '../../core/environment.ts'

/** At most `count` at once, and on average `count` in `per` milliseconds. */
export interface Rate {
  readonly count: number
  readonly per: number
}

interface Bucket {
  left: number
  filledAt: number
}

/**
 * A token bucket per name, for a bounded number of names: where there are more, the one that was used least recently is
 * forgotten. One that is full again says nothing and goes as well.
 */
export class RateTable {
  readonly #environment: Environment
  readonly #rate: Rate
  readonly #max: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(environment: Environment, rate: Rate, max: number) {
    this.#environment = environment
    this.#rate = rate
    this.#max = max
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Milliseconds until one can be taken; 0: now. Takes none. */
  waitOf(name: string): number {
    const bucket = this.#buckets.get(name)
    if (!bucket) return 0
    this.#refill(bucket)
    return bucket.left >= 1 ? 0 : Math.ceil(((1 - bucket.left) * this.#rate.per) / this.#rate.count)
  }

  /** Takes one. Answers 0, or the milliseconds until there is one where none was left. */
  take(name: string): number {
    const bucket = this.#bucketOf(name)
    const wait = this.waitOf(name)
    if (wait === 0) bucket.left -= 1
    return wait
  }

  #bucketOf(name: string): Bucket {
    const known = this.#buckets.get(name)
    // A map keeps its names in the order in which they were set.
    if (known) this.#buckets.delete(name)
    else this.#makeRoom()
    const bucket = known ?? { left: this.#rate.count, filledAt: this.#environment.monotonic() }
    this.#buckets.set(name, bucket)
    return bucket
  }

  #makeRoom(): void {
    for (const [name, bucket] of this.#buckets) {
      this.#refill(bucket)
      if (bucket.left < this.#rate.count && this.#buckets.size < this.#max) return
      this.#buckets.delete(name)
    }
  }

  #refill(bucket: Bucket): void {
    const now = this.#environment.monotonic()
    const refilled = bucket.left + ((now - bucket.filledAt) / this.#rate.per) * this.#rate.count
    bucket.left = Math.min(this.#rate.count, refilled)
    bucket.filledAt = now
  }
}
