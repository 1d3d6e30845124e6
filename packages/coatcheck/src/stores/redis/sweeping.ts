import type { EndReason, SessionId } from '../../core/record.ts'
import type { Ended, SweepResult } from '../../core/store.ts'
import type { Engine } from './engine.ts'
import { PARTITIONS } from './partition-keys.ts'

/** Goes through the partitions in turn, each time from where the last slice ended. */
export class Sweeping {
  readonly #engine: Engine
  #from = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async sweep(limit: number): Promise<SweepResult> {
    const retention = String(this.#engine.context.tombstoneRetention)
    const ended: Ended[] = []
    let handled = 0
    let tombstonesRemoved = 0
    let more = false
    for (const partition of await this.#overdue(retention)) {
      this.#from = partition
      const left = [limit - handled, limit - tombstonesRemoved].map(String)
      const answer = await this.#engine.call('sweep', partition, [retention, ...left])
      const [, , list, removed, unfinished, count] = answer
      for (const [id, userId, reason] of list as readonly [SessionId, string | null, EndReason][]) {
        ended.push({ id, userId, reason })
      }
      handled += count as number
      tombstonesRemoved += removed as number
      more ||= unfinished as boolean
      if (handled >= limit || tombstonesRemoved >= limit) return { ended, tombstonesRemoved, more: true }
    }
    return { ended, tombstonesRemoved, more }
  }

  /** Partitions with something to do, beginning where the last slice ended. */
  async #overdue(retention: string): Promise<readonly number[]> {
    const partitions = Array.from({ length: PARTITIONS }, (_, i) => (this.#from + i) % PARTITIONS)
    const answers = await Promise.all(
      partitions.map((partition) => this.#engine.call('overdue', partition, [retention])),
    )
    return partitions.filter((_, i) => answers[i]?.[0] === 'some')
  }
}
