import type { Environment } from '../core/environment.ts'

interface Timer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/**
 * An environment whose time moves only when told to and whose randomness follows from a seed, so that tests neither
 * sleep nor differ from run to run. Not for anything but tests: its random bytes are predictable.
 */
export class FakeEnvironment implements Environment {
  #wall: number
  #steady = 0
  #state: number
  #timers: Timer[] = []
  #order = 0
  readonly #pending = new Set<() => Promise<unknown>>()

  constructor(options: { readonly now?: number; readonly seed?: number } = {}) {
    this.#wall = options.now ?? 1_800_000_000_000
    this.#state = (options.seed ?? 1) >>> 0
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#steady
  }

  /** Bytes of a 32-bit mixing generator (splitmix32) started from the seed. */
  randomBytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) bytes[i] = this.#next() & 0xff
    return bytes
  }

  setTimer(delay: number, callback: () => void): () => void {
    const timer = { at: this.#steady + delay, order: this.#order++, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /**
   * Moves both clocks on by `milliseconds` and runs the timers that fall due, in order, each at its own time, all in
   * one turn: what a timer starts and does not finish at once (a sweep) meets the clock at the end, past its time limits.
   */
  advance(milliseconds: number): void {
    const end = this.#steady + milliseconds
    for (let due = this.#nextDue(end); due; due = this.#nextDue(end)) this.#fire(due)
    this.#moveTo(end)
  }

  /** The same, with `settle()` before and after each timer: background work takes no time on these clocks. */
  async advanceAndSettle(milliseconds: number): Promise<void> {
    const end = this.#steady + milliseconds
    await this.settle()
    for (let due = this.#nextDue(end); due; due = this.#nextDue(end)) {
      this.#fire(due)
      await this.settle()
    }
    this.#moveTo(end)
    await this.settle()
  }

  /** Lets promises that wait for nothing but each other, and whatever `settleWith` was given, come to their end. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) {
      for (const pending of this.#pending) await pending()
      await nextTurn()
    }
  }

  /** Work for `settle` to wait for, such as calls to a database that are under way. Returns what takes it back. */
  settleWith(pending: () => Promise<unknown>): () => void {
    this.#pending.add(pending)
    return () => {
      this.#pending.delete(pending)
    }
  }

  /** Steps the wall clock alone, in either direction, as an administrator or NTP would. */
  stepWallClock(milliseconds: number): void {
    this.#wall += milliseconds
  }

  #fire(due: Timer): void {
    this.#moveTo(Math.max(this.#steady, due.at))
    this.#timers = this.#timers.filter((timer) => timer !== due)
    due.callback()
  }

  #moveTo(steady: number): void {
    this.#wall += steady - this.#steady
    this.#steady = steady
  }

  #nextDue(end: number): Timer | undefined {
    let due: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at > end) continue
      if (!due || timer.at < due.at || (timer.at === due.at && timer.order < due.order)) due = timer
    }
    return due
  }

  #next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
}

/** Turns of the event loop that `settle` waits for: enough for a chain of a few asynchronous calls in this process. */
const TURNS = 5

/** The next turn of the event loop, without a timer: those of the runtime would be sleeping, if only for a moment. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      resolve()
    })
    port1.start()
    port2.postMessage(null)
  })
}
