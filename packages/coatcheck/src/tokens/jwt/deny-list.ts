import type { Environment } from '../../core/environment.ts'
import { StoreError, UsageError } from '../../core/errors.ts'

/**
 * One session or one token that is refused before its `exp`, named by its issuer and id: the same claims can be written in
 * several tokens, so a list of tokens could be passed by (JWT-13).
 */
export type Denial = {
  readonly iss: string
  /** Epoch milliseconds from when on no such token is valid anyway: its `exp` and the clock tolerance. The entry is then gone. */
  readonly until: number
} & ({ readonly sid: string; readonly jti?: never } | { readonly jti: string; readonly sid?: never })

/** How often what has lapsed is thrown out, at the earliest, in milliseconds. */
const SWEEP_INTERVAL = 10_000

/** Ends on the wall clock, by which tokens lapse, and on the monotonic one: a step of the former brings nothing back. */
interface Entry {
  readonly until: number
  readonly steadyUntil: number
}

/** Sessions and tokens of one issuer that are refused for a while. Bounded: when it is full it says so and forgets nothing. */
export class DenyList {
  readonly #issuer: string
  readonly #environment: Environment
  readonly #capacity: number
  readonly #sids = new Map<string, Entry>()
  readonly #jtis = new Map<string, Entry>()
  #sweptAt: number

  constructor(issuer: string, environment: Environment, capacity: number) {
    this.#issuer = issuer
    this.#environment = environment
    this.#capacity = capacity
    this.#sweptAt = environment.monotonic()
  }

  /** Entries that still matter. */
  get size(): number {
    this.#sweep(0)
    return this.#sids.size + this.#jtis.size
  }

  /** Throws `ERR_USAGE` for another issuer or an entry that names nothing, `ERR_STORE_FULL` where there is no room. */
  add(denial: Denial): void {
    this.#assertUsable(denial)
    const [list, id] = denial.sid === undefined ? [this.#jtis, denial.jti] : [this.#sids, denial.sid]
    this.#sweep(SWEEP_INTERVAL)
    const left = denial.until - this.#environment.now()
    if (left <= 0) return
    const steadyUntil = this.#environment.monotonic() + left
    const before = list.get(id)
    if (!before) this.#assertRoom()
    list.set(id, {
      until: Math.max(denial.until, before?.until ?? 0),
      steadyUntil: Math.max(steadyUntil, before?.steadyUntil ?? 0),
    })
  }

  has(jti: string, sid: string | undefined): boolean {
    if (this.#jtis.size === 0 && this.#sids.size === 0) return false
    this.#sweep(SWEEP_INTERVAL)
    return this.#holds(this.#jtis.get(jti)) || (sid !== undefined && this.#holds(this.#sids.get(sid)))
  }

  /** Until both clocks have passed its end. */
  #holds(entry: Entry | undefined): boolean {
    if (!entry) return false
    return this.#environment.now() < entry.until || this.#environment.monotonic() < entry.steadyUntil
  }

  #assertUsable({ iss, sid, jti, until }: Denial): void {
    if (iss !== this.#issuer) {
      throw new UsageError('ERR_USAGE', 'deny() names another issuer than that of the verifier.')
    }
    if (!(sid ?? jti) || (sid !== undefined && jti !== undefined)) {
      throw new UsageError('ERR_USAGE', 'deny() needs either a sid or a jti.')
    }
    if (!Number.isFinite(until)) {
      throw new UsageError('ERR_USAGE', 'deny() needs until, in epoch milliseconds.')
    }
  }

  #assertRoom(): void {
    if (this.#sids.size + this.#jtis.size < this.#capacity || this.size < this.#capacity) return
    throw new StoreError('ERR_STORE_FULL', `The deny-list holds ${this.#capacity} entries already.`, {
      retryable: true,
    })
  }

  #sweep(interval: number): void {
    const steady = this.#environment.monotonic()
    if (steady - this.#sweptAt < interval) return
    this.#sweptAt = steady
    for (const list of [this.#sids, this.#jtis]) {
      for (const [id, entry] of list) if (!this.#holds(entry)) list.delete(id)
    }
  }
}
