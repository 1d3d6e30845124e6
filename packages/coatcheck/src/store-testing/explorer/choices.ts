import { Random } from '../model/random.ts'
import type { Choices } from './scheduler.ts'

/** Choices that follow from a seed. */
export class SeededChoices implements Choices {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  choose(count: number): number {
    return this.#random.below(count)
  }
}

/**
 * Walks through every order, depth first: each pass follows the choices of the last one up to the deepest that has an
 * alternative left, and takes that.
 */
export class EveryOrder implements Choices {
  #path: { taken: number; count: number }[] = []
  #depth = 0

  choose(count: number): number {
    const known = this.#path[this.#depth]
    if (known) known.count = count
    else this.#path.push({ taken: 0, count })
    const { taken } = this.#path[this.#depth] ?? { taken: 0 }
    this.#depth += 1
    return Math.min(taken, count - 1)
  }

  /** Moves on to the next order; `false` when there is none. */
  next(): boolean {
    this.#path = this.#path.slice(0, this.#depth)
    this.#depth = 0
    for (let last = this.#path.pop(); last; last = this.#path.pop()) {
      if (last.taken + 1 < last.count) {
        this.#path.push({ taken: last.taken + 1, count: last.count })
        return true
      }
    }
    return false
  }
}
