import type { Environment } from 'coatcheck'
import type { VerifiedApiKey } from 'coatcheck/tokens'
import type { Logger } from 'pino'
import type { Settings } from '../config/settings.ts'

/** What a call counts: a validation is answered from memory, others read or write what lasts. */
export const VALIDATION = 1
export const OTHER_CALL = 10

const SECOND = 1_000

/**
 * What each service key may ask of this process within a second, so that one service in a loop leaves room for the others. For
 * keys that are known to be good: there are no more counts than keys.
 */
export class ServiceRate {
  readonly #limit: number
  readonly #environment: Environment
  readonly #log: Pick<Logger, 'warn'>
  readonly #counts = new Map<string, number>()
  #began = 0

  constructor(
    { serviceRate }: Pick<Settings, 'serviceRate'>,
    environment: Environment,
    log: Pick<Logger, 'warn'>,
  ) {
    this.#limit = serviceRate ?? Number.POSITIVE_INFINITY
    this.#environment = environment
    this.#log = log
  }

  /** Counts a call; `false`: it is too much. */
  admits({ id }: Pick<VerifiedApiKey, 'id'>, cost: number): boolean {
    const now = this.#environment.monotonic()
    if (now - this.#began >= SECOND) {
      this.#began = now
      this.#counts.clear()
    }
    const before = this.#counts.get(id) ?? 0
    const count = before + cost
    this.#counts.set(id, count)
    if (count <= this.#limit) return true
    if (before <= this.#limit) this.#log.warn({ apiKey: id }, 'a service asks too often')
    return false
  }
}
