import type { Timed } from '../results.ts'
import { median } from '../statistics.ts'

/** Repetitions of one thing, in milliseconds. */
export interface Timings {
  readonly median: number
  readonly slowest: number
  /** Longest of all. What is longer than the work itself was somebody else's, just before or after it. */
  readonly stall: number
}

export function toTimings(times: readonly Timed[]): Timings {
  const took = times.map((one) => one.took)
  return {
    median: median(took),
    slowest: Math.max(...took),
    stall: Math.max(...times.map((one) => Math.min(one.stall, one.took))),
  }
}
