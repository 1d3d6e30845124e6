import type { EndReason, SessionId } from '../../core/record.ts'
import type { Ended, SweepResult } from '../../core/store.ts'
import type { Engine } from './engine.ts'
import { PARTITIONS } from './partition-keys.ts'

/** Partitions asked at once whether they have something to do: few, so that others have their turn in between. */
const ASKED_AT_ONCE = 32

/** Goes through the partitions slice by slice; any number of nodes may do so at once. */
export class Sweeping {
  readonly #engine: Engine
  /** Partitions with something to do that no slice has come to yet. */
  #left: number[] = []

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async sweep(limit: number): Promise<SweepResult> {
    const retention = String(this.#engine.context.tombstoneRetention)
    // What is left of an earlier round says nothing about the other partitions: `more`, until a new round was begun.
    let more = this.#left.length > 0
    const ended: Ended[] = []
    let handled = 0
    let tombstonesRemoved = 0
    const partitions = more ? this.#left : await this.#overdue(retention)
    this.#left = []
    for (const [i, partition] of partitions.entries()) {
      const left = [limit - handled, limit - tombstonesRemoved].map(String)
      const answer = await this.#engine.call('sweep', partition, [retention, ...left])
      const [, , list, removed, unfinished, count] = answer
      for (const [id, userId, reason] of list as readonly [SessionId, string | null, EndReason][]) {
        ended.push({ id, userId, reason })
      }
      handled += count as number
      tombstonesRemoved += removed as number
      more ||= unfinished as boolean
      if (handled < limit && tombstonesRemoved < limit) continue
      this.#left = partitions.slice(unfinished ? i : i + 1)
      return { ended, tombstonesRemoved, more: true }
    }
    return { ended, tombstonesRemoved, more }
  }

  async #overdue(retention: string): Promise<number[]> {
    const found: number[] = []
    for (let from = 0; from < PARTITIONS; from += ASKED_AT_ONCE) {
      const some = Array.from({ length: ASKED_AT_ONCE }, (_, i) => from + i)
      const calls = some.map((partition) => this.#engine.call('overdue', partition, [retention]))
      const answers = await Promise.all(calls)
      found.push(...some.filter((_, i) => answers[i]?.[0] === 'some'))
    }
    return found
  }
}
