import { isBusy } from './failures.ts'

/** Milliseconds between two attempts. SQLite's own busy handler sleeps up to 100 ms at a time, which starves a writer beside busy ones. */
const PAUSE = 1

const never = new Int32Array(new SharedArrayBuffer(4))

/**
 * Runs `attempt` until no other connection's lock is in its way, for at most `timeout` milliseconds, then lets SQLite's
 * error out. Blocks the thread: for the writing thread only. Counts the pauses rather than asking a clock, so it errs
 * towards waiting longer.
 */
export function waitForLock<T>(timeout: number, attempt: () => T): T {
  for (let waited = 0; ; waited += PAUSE) {
    try {
      return attempt()
    } catch (error) {
      if (!isBusy(error) || waited >= timeout) throw error
      Atomics.wait(never, 0, 0, PAUSE)
    }
  }
}
