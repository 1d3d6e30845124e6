import type { Environment } from '../../core/environment.ts'

/** The clocks of one node: those of the order, until somebody does something to them. */
export class NodeClock implements Environment {
  readonly #base: Environment
  #ahead = 0
  #behind = 0
  #stoodStillAt: number | null = null
  /** Timers that were due while the steady clock stood still. */
  readonly #late: (() => void)[] = []

  constructor(base: Environment) {
    this.#base = base
  }

  /** Milliseconds that the steady clock has stood still for. */
  get behind(): number {
    return this.#base.monotonic() - this.monotonic()
  }

  now(): number {
    return this.#base.now() + this.#ahead
  }

  monotonic(): number {
    return (this.#stoodStillAt ?? this.#base.monotonic()) - this.#behind
  }

  randomBytes(length: number): Uint8Array {
    return this.#base.randomBytes(length)
  }

  setTimer(delay: number, callback: () => void): () => void {
    const due = this.monotonic() + delay
    let cancelled = false
    let cancel = () => {}
    const arm = () => {
      if (!cancelled) cancel = this.#base.setTimer(due - this.monotonic(), ring)
    }
    const ring = () => {
      if (this.monotonic() >= due) callback()
      else if (this.#stoodStillAt !== null) this.#late.push(arm)
      else arm()
    }
    arm()
    return () => {
      cancelled = true
      cancel()
    }
  }

  /** Sets the wall clock forward or back by so many milliseconds. */
  step(milliseconds: number): void {
    this.#ahead += milliseconds
  }

  /** Lets the steady clock stand still while the wall clock goes on, as where a machine sleeps. */
  standStill(): void {
    this.#stoodStillAt ??= this.#base.monotonic()
  }

  goOn(): void {
    this.#behind += this.#base.monotonic() - (this.#stoodStillAt ?? this.#base.monotonic())
    this.#stoodStillAt = null
    for (const arm of this.#late.splice(0)) arm()
  }
}
