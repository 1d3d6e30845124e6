import type { SessionStore } from '../../../src/core/store.ts'

/** A store with one fault, and how the suite must notice it. */
export interface BrokenStore {
  readonly fault: string
  /** Matches the name of a case that must fail. */
  readonly caughtBy: RegExp
  /** Whether sequential commands alone, with the clock going forward, must show the fault too. */
  readonly seenByModel: boolean
  readonly Store: new (inner: SessionStore) => SessionStore
}

export function broken(
  fault: string,
  caughtBy: RegExp,
  seenByModel: boolean,
  Store: BrokenStore['Store'],
): BrokenStore {
  return { fault, caughtBy, seenByModel, Store }
}
