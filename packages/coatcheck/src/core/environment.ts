/**
 * Time, randomness and timers, injected everywhere so that tests move the clock instead of sleeping.
 * `platform.ts` holds the system's own; it is the only file that reads a clock or a random source.
 */
export interface Environment {
  /** Wall clock in epoch milliseconds. May step in either direction. */
  now(): number
  /** Milliseconds since an arbitrary start; never steps back, keeps no relation to the wall clock. */
  monotonic(): number
  /** `length` bytes from a cryptographically secure source. */
  randomBytes(length: number): Uint8Array
  /** Calls `callback` once after `delay` milliseconds without keeping the process alive; returns its canceller. */
  setTimer(delay: number, callback: () => void): () => void
}
