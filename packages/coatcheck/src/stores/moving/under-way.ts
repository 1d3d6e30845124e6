import type { Environment } from '../../core/environment.ts'
import { StoreError } from '../../core/errors.ts'

/** Milliseconds that `close` waits for calls under way: a driver may never settle one. */
const LONGEST_CLOSE = 10_000

/** Calls of several steps, which must all be done before the stores that they go to are closed. */
export class UnderWay {
  readonly #running = new Set<Promise<unknown>>()
  #closed = false

  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) {
      throw new StoreError('ERR_STORE_CLOSED', 'The moving store is closed.', { retryable: true })
    }
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** Lets nothing begin any more, and waits for the rest. */
  async close(environment: Environment | null): Promise<void> {
    this.#closed = true
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const cancel = environment?.setTimer(LONGEST_CLOSE, resolve)
    await Promise.race([late, Promise.allSettled(this.#running)])
    cancel?.()
  }
}
