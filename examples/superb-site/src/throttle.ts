import type { Clock } from './clock.ts'

export interface ThrottleLimits {
  /** Attempts that are free within the window. */
  readonly free: number
  /** How long an attempt counts, in milliseconds. */
  readonly window: number
  /** The wait after the first attempt beyond the free ones, in milliseconds; it doubles with each further one. */
  readonly firstWait: number
  readonly longestWait: number
}

interface Entry {
  attempts: number
  lastAt: number
  blockedUntil: number
}

/**
 * Slows down guessing. An attempt counts when it begins, so that a hundred at once are a hundred. Waits are short and
 * have a longest: nobody is locked out for long by what others do.
 * Bounded: of more than 10,000 keys, those that were used longest ago are forgotten.
 */
export class Throttle {
  readonly #limits: ThrottleLimits
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(limits: ThrottleLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Zero if the attempt may go on, and then it is counted; else how long to wait, in milliseconds. */
  begin(key: string): number {
    const now = this.#clock.now()
    const entry = this.#current(key, now)
    if (now < entry.blockedUntil) return entry.blockedUntil - now
    entry.attempts++
    entry.lastAt = now
    const beyond = entry.attempts - this.#limits.free
    if (beyond >= 0) entry.blockedUntil = now + this.#wait(beyond)
    this.#keep(key, entry)
    return 0
  }

  /** Takes back all attempts: the last one was right. */
  forget(key: string): void {
    this.#entries.delete(key)
  }

  #wait(beyond: number): number {
    return Math.min(this.#limits.firstWait * 2 ** Math.min(beyond, 30), this.#limits.longestWait)
  }

  #current(key: string, now: number): Entry {
    const entry = this.#entries.get(key)
    return entry && now - entry.lastAt < this.#limits.window
      ? entry
      : { attempts: 0, lastAt: now, blockedUntil: 0 }
  }

  /** A Map keeps the order of insertion: the first key is the one used longest ago. */
  #keep(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MOST_KEYS && oldest !== undefined) this.#entries.delete(oldest)
  }
}

const MOST_KEYS = 10_000
