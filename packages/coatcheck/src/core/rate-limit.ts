import type { Environment } from './environment.ts'

/** A token bucket: `perSecond` on average, as many at once. */
export class RateLimit {
  readonly #environment: Environment
  readonly #perSecond: number
  #left: number
  #filledAt: number

  constructor(environment: Environment, perSecond: number) {
    this.#environment = environment
    this.#perSecond = perSecond
    this.#left = perSecond
    this.#filledAt = environment.monotonic()
  }

  /** Takes one, or answers `false` where none is left. */
  take(): boolean {
    const now = this.#environment.monotonic()
    const refilled = this.#left + ((now - this.#filledAt) / 1000) * this.#perSecond
    this.#left = Math.min(this.#perSecond, refilled)
    this.#filledAt = now
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
