import type { Environment } from '../../core/environment.ts'
import { parseAddress } from '../../core/networks.ts'
import { type Rate, RateTable } from './rate-table.ts'

/** How often a source may come with what is no key, and what is told of one that does so more often. */
export interface GuessLimitOptions {
  readonly environment: Environment
  readonly rate: Rate
  /** At most once per `REPORT_INTERVAL` and source. */
  readonly report: (source: string | null, attempts: number) => void
}

const REPORT_INTERVAL = 60_000

/** Sources remembered at once; where there are more, the one that has been quiet for longest is forgotten. */
const MOST_SOURCES = 10_000

/** Of all clients together whose address the platform does not tell: enough for many, and little for a store. */
const UNKNOWN_SOURCE: Rate = Object.freeze({ count: 50, per: 1_000 })

interface Reporting {
  attempts: number
  reportedAt: number | null
}

/**
 * Counts keys that are none, by where they come from, and keeps nothing of the keys themselves (API-06). Who has come with too
 * many waits, before the store is asked again.
 */
export class GuessLimit {
  readonly #environment: Environment
  readonly #report: (source: string | null, attempts: number) => void
  readonly #known: RateTable
  readonly #unknown: RateTable
  readonly #reporting = new Map<string, Reporting>()

  constructor({ environment, rate, report }: GuessLimitOptions) {
    this.#environment = environment
    this.#report = report
    this.#known = new RateTable(environment, rate, MOST_SOURCES)
    this.#unknown = new RateTable(environment, UNKNOWN_SOURCE, 1)
  }

  /** Whether whoever comes from this address has to wait. Counts nothing. */
  limits(address: string | null): boolean {
    const source = sourceOf(address)
    return this.#tableOf(source).waitOf(source ?? '') > 0
  }

  /** Milliseconds that whoever comes from this address has to wait; 0: none. Counts an attempt where it is not 0. */
  waitOf(address: string | null): number {
    const source = sourceOf(address)
    const wait = this.#tableOf(source).waitOf(source ?? '')
    if (wait > 0) this.#refused(source)
    return wait
  }

  /** Notes a key that is none. */
  missed(address: string | null): void {
    const source = sourceOf(address)
    this.#tableOf(source).take(source ?? '')
    const reporting = this.#reportingOf(source)
    reporting.attempts++
  }

  #tableOf(source: string | null): RateTable {
    return source === null ? this.#unknown : this.#known
  }

  #refused(source: string | null): void {
    const reporting = this.#reportingOf(source)
    reporting.attempts++
    const now = this.#environment.monotonic()
    if (reporting.reportedAt !== null && now - reporting.reportedAt < REPORT_INTERVAL) return
    this.#report(source, reporting.attempts)
    reporting.attempts = 0
    reporting.reportedAt = now
  }

  #reportingOf(source: string | null): Reporting {
    const name = source ?? ''
    const known = this.#reporting.get(name)
    if (known) return known
    const [oldest] = this.#reporting.keys()
    if (this.#reporting.size >= MOST_SOURCES && oldest !== undefined) this.#reporting.delete(oldest)
    const reporting = { attempts: 0, reportedAt: null }
    this.#reporting.set(name, reporting)
    return reporting
  }
}

/** An IPv4 address; of an IPv6 one the network that one customer has as a rule (RFC 6177). `null`: unknown. */
export function sourceOf(address: string | null): string | null {
  const groups = address === null ? null : parseAddress(address)
  if (groups === null) return null
  const [high = 0, low = 0] = groups.slice(6)
  const isV4 = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
  if (isV4) return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  const network = groups.slice(0, 4).map((group) => group.toString(16))
  return `${network.join(':')}::/64`
}
