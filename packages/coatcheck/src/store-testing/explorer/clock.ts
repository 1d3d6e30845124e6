import type { FakeEnvironment } from '../../testing/fake-environment.ts'
import type { Choice, ScheduledClock } from './scheduler.ts'

/** A jump of the clock that may happen at any time, so many times. */
export interface Jump {
  /** Milliseconds. Negative: the wall clock alone is set back. */
  readonly by: number
  readonly times: number
}

/** The clock of an order: it moves by jumps that are steps like any other, and where everybody waits for a later time. */
export class Clock implements ScheduledClock {
  readonly #environment: FakeEnvironment
  #left: { readonly by: number; times: number }[] = []

  constructor(environment: FakeEnvironment) {
    this.#environment = environment
  }

  now(): number {
    return this.#environment.monotonic()
  }

  /** Which jumps may happen from now on. */
  allow(jumps: readonly Jump[]): void {
    this.#left = jumps.map(({ by, times }) => ({ by, times }))
  }

  jumps(limit: number, wake: number | null): readonly Choice[] {
    const now = this.now()
    const possible = this.#left.filter(({ by, times }) => times > 0 && now + by <= limit)
    const choices = possible.map((jump) => this.#choice(jump.by, `${jump.times}`, () => jump.times--))
    if (wake !== null && wake <= limit) choices.push(this.#choice(wake - now, 'wake', () => {}))
    return choices
  }

  #choice(by: number, key: string, taken: () => void): Choice {
    return {
      key: `clock ${by} ${key}`,
      actor: 'clock',
      label: `${by < 0 ? '-' : '+'}${Math.abs(by) / 1000} s`,
      outcome: '',
      effect: EVERYTHING,
      usual: true,
      take: () => {
        taken()
        if (by < 0) this.#environment.stepWallClock(by)
        else this.#environment.advance(by)
      },
    }
  }
}

const EVERYTHING = Object.freeze({ clock: true as const })
