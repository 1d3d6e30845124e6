import type { SessionId } from '../../core/record.ts'
import type { Ended } from '../../core/store.ts'
import { InterleavingViolation } from './violation.ts'

/** Remembers what the store has ended, in the order in which it did, and finds out who comes back (P1). */
export class LifeGuard {
  readonly #seen = new Set<SessionId>()
  readonly #dead = new Map<SessionId, string>()
  /** The first who came back. Kept, since the code under test may swallow what it takes for an outage. */
  violation: InterleavingViolation | null = null

  /** The store has just said that this session is alive. */
  alive(id: SessionId, method: string): void {
    const by = this.#dead.get(id)
    if (by === undefined) {
      this.#seen.add(id)
      return
    }
    this.violation ??= new InterleavingViolation(`P1: ${method} found a session alive that ${by} had ended.`)
  }

  /** The store has just said that these are over. */
  dead(ended: readonly (Pick<Ended, 'id'> | null)[], method: string): void {
    for (const one of ended) {
      if (one && !this.#dead.has(one.id)) this.#dead.set(one.id, method)
    }
  }

  /** The store has just ended everything. */
  everyoneDead(method: string): void {
    this.dead(
      [...this.#seen].map((id) => ({ id })),
      method,
    )
  }
}
