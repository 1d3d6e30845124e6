import type { MaybePromise } from '../core/maybe-promise.ts'
import type { SessionStore } from '../core/store.ts'

/**
 * What a store's author provides so that the contract can be run: handles on one state that nobody else uses, and the
 * clock by which the store judges.
 */
export interface StoreHarness {
  /**
   * A handle, opened already. All handles of one harness see the same sessions, as the nodes of a fleet do; a store with
   * `shared: 'process'` answers with one and the same object each time. A call after all handles were closed opens the
   * same state again, unless the store is of one process.
   */
  open(): MaybePromise<SessionStore>

  /** Moves the store's clock, and the environment that handles were opened with, on by `milliseconds`. */
  advance(milliseconds: number): MaybePromise<void>

  /** Steps the store's clock back, as an administrator or NTP would. Left out where it cannot be done; its cases are skipped then. */
  stepBack?(milliseconds: number): MaybePromise<void>

  /** The retention that handles are opened with, in milliseconds; at least ten times `precision`. */
  readonly tombstoneRetention: number

  /**
   * How closely `advance` sets the clock that the store reads, in milliseconds. 1, the default, is a clock that stands
   * still in between; give a second or two where the clock of a real server runs on.
   */
  readonly precision?: number

  /** All that the store keeps, byte for byte: for tests of what a copy of it gives away (P6, STO-01). */
  dump?(): Promise<readonly Uint8Array[]>

  /** Closes what is open and removes the state. */
  dispose?(): MaybePromise<void>
}

/** Makes a harness over a fresh, empty state. Called once per case. */
export type CreateHarness = () => MaybePromise<StoreHarness>

/** What a case needs of store and harness; where it is missing, the case says nothing about the store. */
export type Requirement = 'step-back' | 'several-handles' | 'durable' | 'changes'

/** One sentence of the contract, as a check that throws where a store breaks it. */
export interface StoreCase {
  /** The sentence; begins with the promise or requirement that it guards, where one names it. */
  readonly name: string
  readonly requires: readonly Requirement[]
  /** Runs on a fresh harness and leaves disposing of it to the caller. */
  run(harness: StoreHarness): Promise<void>
}

/** The first requirement of `storeCase` that is missing, `null` where it can run. */
export async function missingRequirement(
  storeCase: StoreCase,
  harness: StoreHarness,
): Promise<Requirement | null> {
  if (storeCase.requires.length === 0) return null
  const probe = await harness.open()
  const { capabilities } = probe
  // A handle of its own must not stay open while a case closes and opens the store; one that is shared must.
  if (capabilities.shared !== 'process') await probe.close()
  const met: Record<Requirement, boolean> = {
    'step-back': harness.stepBack !== undefined,
    'several-handles': capabilities.shared !== 'process',
    durable: capabilities.durable,
    changes: probe.changes !== undefined,
  }
  return storeCase.requires.find((requirement) => !met[requirement]) ?? null
}
