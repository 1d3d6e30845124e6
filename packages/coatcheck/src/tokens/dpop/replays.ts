import { framed } from '../../core/encoding.ts'
import type { Environment } from '../../core/environment.ts'
import { StoreError } from '../../core/errors.ts'
import type { SessionManager } from '../../core/manager.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'
import { OneTimeRecords } from '../../core/one-time.ts'
import { sha256 } from '../../core/platform.ts'

/** Remembers which proofs have been used, for as long as they would be accepted. */
export interface Replays {
  /** Whether nobody has come with this key within the last `within` milliseconds. */
  first(key: string, within: number): MaybePromise<boolean>
}

/** What a proof is remembered by: its key, its number and its target, hashed, so that a long number takes no more room. */
export function replayKey(parts: readonly string[]): string {
  return sha256(framed(0, parts))
}

/** For all nodes together, in the store of the sessions: one write for each proof. */
export function fleetReplays(manager: SessionManager): Replays {
  return new OneTimeRecords(manager, 'dpop')
}

/**
 * In this process, about 100 bytes for each proof: the same proof is good once on each node. At `capacity` proofs that
 * still count, further ones fail (503) rather than displace others, which could then be used again.
 */
export class ProcessReplays implements Replays {
  readonly #environment: Environment
  readonly #capacity: number
  /** Instants at which they are forgotten, on the monotonic clock, in the order in which they came. */
  readonly #until = new Map<string, number>()

  constructor(environment: Environment, capacity: number) {
    this.#environment = environment
    this.#capacity = capacity
  }

  first(key: string, within: number): boolean {
    const now = this.#environment.monotonic()
    this.#forget(now)
    const known = this.#until.get(key)
    if (known !== undefined && known > now) return false
    if (this.#until.size >= this.#capacity) throw full(this.#capacity)
    this.#until.delete(key)
    this.#until.set(key, now + within)
    return true
  }

  /** From the oldest on, so that each is looked at once; one that counts for longer keeps those behind it that much longer. */
  #forget(now: number): void {
    for (const [key, until] of this.#until) {
      if (until > now) return
      this.#until.delete(key)
    }
  }
}

function full(capacity: number): StoreError {
  return new StoreError(
    'ERR_STORE_FULL',
    `More than ${capacity} proofs came within the time for which they count; raise maxReplays.`,
    { retryable: true },
  )
}
