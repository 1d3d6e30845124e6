import { Countdown, type Remaining } from './countdown.ts'
import { type ClientEnvironment, join, safely } from './platform.ts'

/** Told to listeners of `onEnd`. */
export interface SessionEnd {
  /** `logout`: by its user; `expired`: its time was up by the count of this client; `ended`: the server knows it no more. */
  readonly reason: 'logout' | 'expired' | 'ended'
  /** Whether another tab or worker has told. */
  readonly elsewhere: boolean
}

/** What a client believes about its session, and whom it tells. */
export class SessionLife {
  readonly countdown: Countdown
  readonly #listeners = new Set<(end: SessionEnd) => void>()
  /** `null`: not known yet. */
  isLive: boolean | null = null
  /** Signs of life so far: whoever asked before the last one learned nothing that is still true of an end. */
  signs = 0
  /** Ends so far: an answer to what was asked before the last one brings nothing back. */
  ends = 0

  constructor(environment: ClientEnvironment, check: () => Promise<unknown>, expire: () => void) {
    this.countdown = new Countdown(environment, check, expire)
  }

  /** The server answered as it does to a live session. */
  live(remaining: Remaining | null): void {
    this.isLive = true
    this.signs++
    if (remaining) this.countdown.set(remaining)
  }

  onEnd(listener: (end: SessionEnd) => void): () => void {
    // A wrapper, so that one function can listen twice.
    return join(this.#listeners, (end: SessionEnd) => listener(end))
  }

  /** Tells once. */
  end(end: SessionEnd): void {
    if (this.isLive === false) return
    this.isLive = false
    this.ends++
    this.countdown.clear()
    for (const listener of this.#listeners) safely(() => listener(end))
  }
}
