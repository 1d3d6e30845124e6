import type { ManagerContext } from './manager-context.ts'
import { nextTurn } from './platform.ts'
import type { Ended, SweepResult } from './store.ts'

/** Sessions and tombstones handled per slice: few enough that a slice holds nobody up. */
const SLICE = 100

/** Milliseconds for which slices may follow each other where a store answers without giving up its turn. */
const LONGEST_TURN = 5

/** Removes what is past its deadline, slice by slice, with a pause between sweeps (STO-07). */
export class Sweeper {
  readonly #context: ManagerContext
  readonly #told: ReadonlySet<(ended: readonly Ended[]) => void>
  #cancel: (() => void) | null = null
  #stopped = false
  #running: Promise<number> | null = null

  constructor(context: ManagerContext, told: ReadonlySet<(ended: readonly Ended[]) => void>) {
    this.#context = context
    this.#told = told
  }

  start(interval: number): void {
    if (this.#stopped) return
    this.#cancel = this.#context.environment.setTimer(interval, () => {
      // Failures were reported by the guarded store; the next sweep tries again.
      const next = () => this.start(interval)
      this.run().then(next, next)
    })
  }

  /** Sweeps until nothing is left to do; answers how many sessions were ended. Calls that overlap share one sweep. */
  run(): Promise<number> {
    this.#running ??= this.#sweep().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#running?.catch(() => {})
  }

  async #sweep(): Promise<number> {
    const { environment } = this.#context
    let ended = 0
    let result: SweepResult
    let turnBegan = environment.monotonic()
    do {
      if (environment.monotonic() - turnBegan >= LONGEST_TURN) {
        await nextTurn()
        turnBegan = environment.monotonic()
      }
      result = await this.#context.store.call('sweep', { limit: SLICE })
      this.#context.emitEnded(result.ended)
      for (const tell of this.#told) tell(result.ended)
      ended += result.ended.length
    } while (result.more && !this.#stopped)
    return ended
  }
}
