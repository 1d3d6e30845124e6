import type { Environment } from 'coatcheck'
import { type Database, first } from '../storage/database.ts'
import { sha256 } from '../system.ts'
import { afterFailure, type DelayRule, type Failures, waitOf } from './delays.ts'
import { throttledNetwork } from './throttled-network.ts'

/** A subject and its rule. */
interface Counter {
  readonly subject: string
  readonly rule: DelayRule
}

/** Who wants to sign in. */
export interface Attempt {
  /** Folded (`nameKey`); also of accounts that do not exist, so that a delay says nothing. */
  readonly nameKey: string
  /** Of the client, after proxy trust; `null`: unknown, one subject for all of them. */
  readonly address: string | null
  /** The remembered device that asks, if it is one of this account's. */
  readonly device: string | null
}

export type Admission =
  | {
      readonly ok: true
      /** The password was right: takes back what was counted. */
      succeeded(): Promise<void>
    }
  | { readonly ok: false; readonly retryAfter: number }

/** From one address against one account. */
const PAIR: DelayRule = { free: 5 }
/** From one address against any account: many people may share it. */
const ADDRESS: DelayRule = { free: 50 }
/** From all addresses against one account: guesses that are spread over many of them. */
const ACCOUNT: DelayRule = { free: 20 }
/** From a remembered device: only who holds it can use these up. */
const DEVICE: DelayRule = { free: 10 }

/** From one address: sign-ups, requests for a new password. */
const ANYTHING: DelayRule = { free: 20 }

/** Rows that nothing has been counted for in this time tell nothing any more. */
const FORGET_AFTER = 72 * 3_600_000
const SWEEP_EVERY = 3_600_000
/** Parallel tries of one subject, of which one is counted at a time. */
const MOST_RACES = 30

/**
 * Slows down guessing, for all processes together. A try is counted *before* the password is looked at and taken back when
 * it was right, so that parallel tries gain nothing. A remembered device has a counter of its own and waits for nobody
 * else's failures: nobody can lock out the owner of an account. Tries that are refused are not counted.
 */
export class Throttle {
  readonly #database: Database
  readonly #environment: Environment
  #sweptAt = 0

  constructor(database: Database, environment: Environment) {
    this.#database = database
    this.#environment = environment
  }

  async admit(attempt: Attempt): Promise<Admission> {
    const counters = countersOf(attempt)
    const now = this.#environment.now()
    await this.#sweep(now)
    let retryAfter = 0
    for (const { subject, rule } of counters) {
      retryAfter = Math.max(retryAfter, waitOf(await this.#read(subject), now, rule))
    }
    if (retryAfter > 0) return { ok: false, retryAfter }
    for (const counter of counters) {
      const wait = await this.#count(counter)
      if (wait > 0) return { ok: false, retryAfter: wait }
    }
    return { ok: true, succeeded: () => this.#forgive(counters) }
  }

  /** Counts a try that costs something whatever it comes to; milliseconds until the next one, 0: go on. */
  async limit(what: string, address: string | null): Promise<number> {
    const now = this.#environment.now()
    await this.#sweep(now)
    return this.#count({ subject: subjectOf(what, networkOf(address)), rule: ANYTHING })
  }

  async unlimit(what: string, address: string | null): Promise<void> {
    await this.#takeBack(subjectOf(what, networkOf(address)))
  }

  /** What failed against an account, and from this address, counts no more: its owner has chosen a new password. */
  async forget(nameKey: string, address: string | null): Promise<void> {
    await this.#database.run(
      'DELETE FROM coatcheck_login_delays WHERE subject = $1 OR subject = $2',
      subjectOf('account', nameKey),
      subjectOf('pair', nameKey, networkOf(address)),
    )
  }

  async #read(subject: string): Promise<Failures | null> {
    const row = await first<{ failures: number; last_at: number }>(
      this.#database,
      'SELECT failures, last_at FROM coatcheck_login_delays WHERE subject = $1',
      subject,
    )
    return row && { count: row.failures, lastAt: row.last_at }
  }

  /** Counts one more by compare-and-set; answers 0, or the wait where parallel tries have used up what was free. */
  async #count({ subject, rule }: Counter): Promise<number> {
    for (let races = 0; races < MOST_RACES; races += 1) {
      const now = this.#environment.now()
      const before = await this.#read(subject)
      const wait = waitOf(before, now, rule)
      if (wait > 0) return wait
      if (await this.#replace(subject, before, afterFailure(before, now))) return 0
    }
    return 1_000
  }

  async #replace(subject: string, before: Failures | null, after: Failures): Promise<boolean> {
    const changed =
      before === null
        ? await this.#database.run(
            'INSERT INTO coatcheck_login_delays VALUES ($1, $2, $3) ON CONFLICT (subject) DO NOTHING',
            subject,
            after.count,
            after.lastAt,
          )
        : await this.#database.run(
            `UPDATE coatcheck_login_delays SET failures = $1, last_at = $2
              WHERE subject = $3 AND failures = $4 AND last_at = $5`,
            after.count,
            after.lastAt,
            subject,
            before.count,
            before.lastAt,
          )
    return changed === 1
  }

  /** The first counter, which nobody else can use up, starts anew; of the others only this try is taken back. */
  async #forgive([own, ...shared]: readonly Counter[]): Promise<void> {
    if (own) await this.#database.run('DELETE FROM coatcheck_login_delays WHERE subject = $1', own.subject)
    for (const { subject } of shared) await this.#takeBack(subject)
  }

  async #takeBack(subject: string): Promise<void> {
    const sql =
      'UPDATE coatcheck_login_delays SET failures = failures - 1 WHERE subject = $1 AND failures > 0'
    await this.#database.run(sql, subject)
  }

  async #sweep(now: number): Promise<void> {
    if (now - this.#sweptAt < SWEEP_EVERY) return
    this.#sweptAt = now
    await this.#database.run('DELETE FROM coatcheck_login_delays WHERE last_at < $1', now - FORGET_AFTER)
  }
}

function countersOf({ nameKey, address, device }: Attempt): readonly Counter[] {
  if (device !== null) return [{ subject: subjectOf('device', nameKey, device), rule: DEVICE }]
  const from = networkOf(address)
  return [
    { subject: subjectOf('pair', nameKey, from), rule: PAIR },
    { subject: subjectOf('address', from), rule: ADDRESS },
    { subject: subjectOf('account', nameKey), rule: ACCOUNT },
  ]
}

function networkOf(address: string | null): string {
  return address === null ? 'unknown' : throttledNetwork(address)
}

/** Neither names that were mistyped (passwords among them) nor addresses are kept as they are. */
function subjectOf(kind: string, ...parts: readonly string[]): string {
  return `${kind}:${sha256(JSON.stringify(parts))}`
}
