import { InterleavingViolation } from './violation.ts'

/** Where the next step is taken from a number of possible ones; an order is the sequence of answers. */
export interface Choices {
  /** A whole number from 0 to `count - 1`. */
  choose(count: number): number
}

/**
 * What waits: `step`, something that takes less time than any limit of ours, such as a store's call or a request on its
 * way; `late`, something that may take as long as it likes, such as a response on its way; `clock`, a jump of the clock,
 * which therefore comes only while no `step` waits.
 */
export type PointKind = 'step' | 'late' | 'clock'

interface Waiting {
  readonly label: string
  readonly kind: PointKind
  readonly go: () => void
}

/** More steps than any order of a bounded scenario has: somebody is retrying for ever. */
const MOST_STEPS = 2_000

/** Turns of the microtask queue after which everything that can go on without a step has done so. */
const SETTLING_TURNS = 40

/**
 * Lets concurrent actors go on one step at a time, in an order that `Choices` decides. Actors call `point` wherever
 * somebody else may come in between; all others wait there while one runs to its next point. Outside `run` points
 * cost nothing, so that a scenario is set up and checked in a fixed order.
 */
export class Scheduler {
  /** The steps of the order so far, for people. */
  readonly trace: string[] = []
  readonly #choices: Choices
  readonly #working = new Set<Promise<unknown>>()
  readonly #waiting: Waiting[] = []
  #active = false

  constructor(choices: Choices) {
    this.#choices = choices
  }

  /** Waits for its turn. */
  point(label: string, kind: PointKind = 'step'): Promise<void> {
    if (!this.#active) return Promise.resolve()
    return new Promise((go) => {
      this.#waiting.push({ label, kind, go })
    })
  }

  /** Work that goes on outside the microtask queue, such as a store's own; no step is chosen before it is done. */
  async work<T>(work: Promise<T>): Promise<T> {
    this.#working.add(work)
    try {
      return await work
    } finally {
      this.#working.delete(work)
    }
  }

  /** Runs the actors until all have ended and nothing waits any more; throws what the first failing one threw. */
  async run(actors: readonly (() => Promise<unknown>)[]): Promise<void> {
    this.#active = true
    let running = actors.length
    const ended = () => {
      running -= 1
    }
    const results = actors.map((actor) => actor())
    for (const result of results) result.then(ended, ended)
    await this.#settle()
    while (running > 0 || this.#waiting.length > 0) {
      if (this.trace.length > MOST_STEPS)
        throw new InterleavingViolation('P3: the requests never come to an end.')
      if (this.#waiting.length === 0) throw new Error(`Nobody can go on after: ${this.trace.join(', ')}.`)
      this.#takeStep()
      await this.#settle()
    }
    this.#active = false
    await Promise.all(results)
  }

  #takeStep(): void {
    const stepsWait = this.#waiting.some(({ kind }) => kind === 'step')
    const possible = this.#waiting.filter(({ kind }) => kind !== 'clock' || !stepsWait)
    const next = possible[this.#choices.choose(possible.length)]
    if (!next) return
    this.#waiting.splice(this.#waiting.indexOf(next), 1)
    this.trace.push(next.label)
    next.go()
  }

  async #settle(): Promise<void> {
    do {
      await Promise.allSettled(this.#working)
      for (let turn = 0; turn < SETTLING_TURNS; turn++) await null
    } while (this.#working.size > 0)
  }
}
