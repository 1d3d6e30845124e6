/** Failed logins of one subject: an account, an address, or both together. */
export interface Failures {
  readonly count: number
  /** Of the last one that was counted; epoch milliseconds. */
  readonly lastAt: number
}

export interface DelayRule {
  /** Failures that cost no wait. */
  readonly free: number
}

/** Nobody ever waits longer for the next try (issue: 15 minutes), in milliseconds. */
export const LONGEST_DELAY = 15 * 60_000

/** After this time a failure is forgiven, one after the other. */
const FORGIVEN_AFTER = 60 * 60_000

/** Beyond this nothing changes; keeps one subject from being blamed for weeks. */
const MOST_COUNTED = 64

/** Milliseconds until the next try; it doubles from one second with each failure that is not free. */
export function waitOf(failures: Failures | null, now: number, { free }: DelayRule): number {
  if (failures === null) return 0
  const count = remaining(failures, now)
  if (count < free) return 0
  const delay = Math.min(LONGEST_DELAY, 1_000 * 2 ** Math.min(count - free, 20))
  // A clock that was set back must not make anybody wait longer.
  return Math.max(0, Math.min(failures.lastAt, now) + delay - now)
}

/** With one more. */
export function afterFailure(failures: Failures | null, now: number): Failures {
  const count = failures === null ? 0 : remaining(failures, now)
  return { count: Math.min(count + 1, MOST_COUNTED), lastAt: now }
}

function remaining({ count, lastAt }: Failures, now: number): number {
  return Math.max(0, count - Math.max(0, Math.floor((now - lastAt) / FORGIVEN_AFTER)))
}
