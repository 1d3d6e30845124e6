import type { Environment } from '../../core/environment.ts'

/** Waits for servers, but not for ever, and not any longer once it is over. */
export class Patience {
  readonly #environment: Environment
  readonly #milliseconds: number
  readonly #givingUp = new Set<() => void>()

  constructor(environment: Environment, milliseconds: number) {
    this.#environment = environment
    this.#milliseconds = milliseconds
  }

  /** What `work` comes to; rejects when it takes too long. */
  async with<T>(work: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>()
    const giveUp = () => late.reject(new Error('Redis has not answered in time.'))
    const cancelTimer = this.#environment.setTimer(this.#milliseconds, giveUp)
    this.#givingUp.add(giveUp)
    try {
      return await Promise.race([work, late.promise])
    } finally {
      cancelTimer()
      this.#givingUp.delete(giveUp)
    }
  }

  /** Gives up all that is waited for. */
  end(): void {
    for (const giveUp of this.#givingUp) giveUp()
  }
}
