import type { Environment } from './environment.ts'
import type { JsonFields } from './json.ts'
import type { KeySource } from './keys.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type {
  Authentication,
  Device,
  EndReason,
  LifetimeKind,
  Operation,
  Rotation,
  SessionId,
  SessionRecord,
  Tombstone,
  Transport,
} from './record.ts'

/**
 * Persistence of sessions, as a small semantic contract (design section 8). The comments here are its specification;
 * `coatcheck/store-testing` turns them into cases that every store passes.
 *
 * Rules that hold for every method:
 * - **Errors are only for failure.** A miss, a conflict, an ended session are values. A failure is thrown as a
 *   `StoreError` (its `retryable` tells whether the operation surely was not applied); drivers' errors never escape.
 * - **The store's clock judges.** Deadlines, tombstones and `ago` are computed from the clock of the store, which every
 *   answer carries as `now`. An embedded store's clock is the environment it was opened with.
 * - **Dead stays dead.** Once any method has reported a session as ended, or acknowledged its end, no later call and no
 *   step of a clock makes it live again. A session found past its deadline is ended for good before that is reported.
 * - **Atomic.** Each call is applied wholly or not at all, also when the process is killed; calls on one id are
 *   linearizable across all nodes that share the store.
 * - **Durable** (`capabilities.durable`): what was acknowledged survives kill -9 and power loss.
 * - Values come back exactly as given (`JSON.stringify` equality, key order kept), and records are frozen or fresh.
 */
export interface SessionStore {
  /** Short name for messages and metrics, such as `sqlite`. */
  readonly name: string
  readonly capabilities: StoreCapabilities

  /** Keys to use when the application configures none; only embedded stores have them, beside their data. */
  defaultKeys?(): KeySource

  /**
   * Prepares the store: opens files or checks the server, applies migrations. Called once before anything else.
   * Every way in which the engine is unusable (locked, read-only, corrupt, newer schema, network file system, wrong
   * setting) is a `StoreError` or `ConfigError` that names the thing and the remedy; nothing is overwritten.
   */
  open(context: StoreContext): Promise<void>

  /** Waits for writes under way and releases everything. Idempotent; other methods then throw `ERR_STORE_CLOSED`. */
  close(): Promise<void>

  /** Whether the engine answers now. Never throws: a failure is `{ ok: false, error }`. */
  health(): Promise<StoreHealth>

  /** Stores a new session: `replace` with nothing to replace and no limit. `exists` for a live, ended or tombstoned id. */
  create(session: NewSession): Promise<CreateResult>

  /**
   * The live session of this exact id (case-sensitive, no prefix match), or its tombstone, or `unknown`. May answer
   * synchronously. A session past a deadline is ended with reason `idle` or `absolute` first, and that end is durable
   * before it is reported.
   */
  find(id: SessionId): MaybePromise<FindResult>

  /**
   * Applies `operations` in order to the live session's data: all or none. `version` grows by one. Never creates.
   * - `conflict`: `ifVersion` differs, or a `swap` found another value; nothing is applied.
   * - `gone`: ended (with its tombstone) or unknown (`null`).
   * - `rejected`: an operation does not fit the field's value (`add` on a non-number or past finite range, `append` or
   *   `remove` on a non-array), or the data would exceed `maxBytes` (UTF-8 bytes of the data's JSON); nothing is applied.
   *   Data that exceeds it already, since the limit was lowered, may stay or shrink.
   * - Idempotent by `operationId`: the session remembers at least its last 8, and repeating one answers `ok` with the
   *   current record without applying anything.
   */
  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult>

  /** Compare-and-set of the rotating half: applied when the stored `revision` equals `ifRevision`, else `conflict` with the record as it is. */
  rotate(id: SessionId, change: RotationChange): Promise<RotateResult>

  /**
   * Ends `old` (if any) and stores `session` in its place, in one step: no moment has both live, and none has neither
   * unless the store's capability `replace: 'saga'` says so (then never both).
   * - Data: the fields of `old` that `carry` names (`'all'`: every field), as they are at this very moment, then
   *   `session.data` over them, then `operations`, all within `maxBytes` as for `mutate`. Nothing is carried from an
   *   ended `old`.
   * - `old` gone: with `requireOld` the answer is `gone` and nothing is stored; else the session is stored and
   *   `replaced` is `null`.
   * - `limit`: counted over live sessions of `session.userId` (none while anonymous) after `old` is ended. `refuse`
   *   answers `limit` and changes nothing (`old` stays live); `evict-idle` ends those with the oldest `lastSeenAt`,
   *   `evict-oldest` those with the oldest `createdAt`, with reason `limit`, until the new one fits. Atomic: parallel
   *   logins never exceed it.
   * - `ifEpoch`: the user's epoch (from `epochs`) must still be this, else `stale` and nothing changes.
   * - `conflict`: a `swap` among `operations` found another value; nothing changes (`old` stays live).
   * - Idempotent by `session.id` and `operationId` as `mutate` is: repeating an applied replace answers `ok` again.
   */
  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult>

  /**
   * Records activity: `lastSeenAt` becomes the greater of itself and `now - ago`; an ended or unknown id is passed
   * over. A `rotation` change rides along under its own compare-and-set and is dropped on conflict. One durable write
   * for the whole batch where the engine can.
   */
  touch(batch: readonly Touch[]): Promise<void>

  /**
   * Ends one session and leaves its tombstone. `already` and `unknown` are answers, not errors. With `ofUser` a session
   * of anybody else is `unknown`. With `follow`, an id that was replaced by a session *of the same user* ends that
   * successor too (a logout that raced a step-up must not leave the user signed in); an anonymous session has no user.
   */
  end(id: SessionId, options: EndOptions): Promise<EndResult>

  /**
   * Ends all sessions of a user and gives the user a new epoch, in one step: a login that completes before it is ended,
   * one that completes after lives, and one begun before it (`ifEpoch`) is refused. `except` keep living.
   */
  endUser(userId: string, options: EndUserOptions): Promise<EndUserResult>

  /** Ends everything by a new global epoch: O(1), no loop over sessions. `find` then reports each as ended with `reason`. */
  endEveryone(options: { readonly reason: EndReason }): Promise<void>

  /** The user's current epoch, made if there is none; compared for equality only. */
  epochs(userId: string): Promise<{ readonly user: string }>

  /** Live sessions of a user, newest first (`createdAt`, then id), in pages. A cursor is opaque and stays valid when sessions come and go: none that lives throughout is missed or doubled. */
  list(userId: string, page: { readonly limit: number; readonly cursor: string | null }): Promise<ListResult>

  /**
   * Ends at most `limit` sessions past a deadline and removes at most `limit` tombstones past retention. Bounded work:
   * it never holds up readers or the event loop for longer than a slice. Never touches a live session.
   */
  sweep(options: { readonly limit: number }): Promise<SweepResult>

  /**
   * All that the store holds, page by page, for taking it elsewhere: live sessions and tombstones, in an order that means
   * nothing. A session that lives throughout, and a tombstone that is kept throughout, is on some page, or on more than
   * one. What is over comes as a tombstone or not at all, never as live. A page may be empty and still not the last one,
   * which has no cursor. Bounded work per page, as for `sweep`; `limit` is a wish.
   */
  scan(page: { readonly limit: number; readonly cursor: string | null }): Promise<ScanResult>

  /** The epoch under which a session of this id and user would be stored now: any end of the user or of everyone changes it. Compared for equality only. */
  epochFor(session: Pick<SessionRecord, 'id' | 'userId'>): Promise<string>

  /**
   * Takes over a live session as another store had it: everything of the record but its epoch, which is the current one
   * here, and its instants, which move by what this store's clock is ahead of `session.now`. No limit is applied.
   * - `exists` for a live session of this id, which stays as it is; `ended` for an ended or tombstoned one.
   * - `over`: past a deadline by now; nothing is stored.
   * - `ifEpoch`: `epochFor` must still answer this, else `stale` and nothing changes. Whoever asked for it before he looked
   *   into the other store cannot bring back what has been ended in both since.
   */
  adopt(session: Live, options: { readonly ifEpoch: string | null }): Promise<AdoptResult>

  /**
   * Takes over a tombstone as another store had it at its `now`: a session that lives here ends with it (`ended`), an
   * unknown id is tombstoned for the rest of the retention (`buried`; one past it is `over` and leaves nothing), a
   * tombstone stays as it is (`already`). `endedAt` moves as the instants of `adopt` do, and is never later than now.
   */
  bury(tombstone: Tombstone, options: { readonly now: number }): Promise<BuryResult>

  /**
   * Tells `receiver` of every change that any node makes from now on, on connections of its own which it makes anew
   * when they break. Resolves once changes arrive; rejects where they never can (`ERR_STORE_SETTING`, with the remedy).
   * Without this method nothing of the store is cached. At most one feed per store object; `close` of the store ends it.
   */
  changes?(receiver: ChangeReceiver): Promise<ChangeFeed>
}

/**
 * What a near cache hears (design section 9). All calls are synchronous, in the order in which the engine made the changes
 * of a partition, and none may throw. A change is told after it was made and may be told more than once.
 */
export interface ChangeReceiver {
  /**
   * The session's data or rotating half has changed, or it has ended in any way but by a deadline. Activity alone
   * (`lastSeenAt`) is not told. Ids without a session may be told, too.
   */
  changed(id: SessionId): void
  /** All sessions of the user have ended, or carry another epoch now. */
  userChanged(userId: string): void
  /** Every session of these partitions (`null`: all) has ended with everyone. */
  everyoneChanged(partitions: readonly number[] | null): void
  /**
   * What is known of these partitions (`null`: all) is not to be trusted any more: a number is missing, the connection
   * broke, a slot moved. Told when it happens, and once more when changes arrive again: an answer of the store that was
   * asked for before that moment may have been overtaken by a change that nobody told.
   */
  lost(partitions: readonly number[] | null): void
}

/** A feed that is up. */
export interface ChangeFeed {
  /** A probe is answered in the turn in which it is sent, within microseconds, so that it may be sent before each use. */
  readonly immediate?: boolean
  /**
   * Sends a probe along every way by which changes come: something written where the changes of these partitions are
   * written, so that only a primary that takes writes answers, which comes back through the feed, behind every change that
   * was made before it. Then `echoed` is called in the feed's order, with the partitions (`null`: all) of which every
   * change from before the probe was sent has been told, unless `lost` was. A probe may stay without an echo; it never throws.
   */
  probe(echoed: (partitions: readonly number[] | null) => void): void
  close(): Promise<void>
}

export interface StoreCapabilities {
  /** Who can see the same sessions: this object, processes of this machine, or any node. `network` makes `keys` required. */
  readonly shared: 'process' | 'machine' | 'network'
  /** Whether acknowledged writes survive a crash. */
  readonly durable: boolean
  /** Whether `replace` is one transaction, or steps in an order whose crash costs at most the carried data. */
  readonly replace: 'transaction' | 'saga'
}

export interface StoreContext {
  readonly environment: Environment
  /** How long tombstones are kept, in milliseconds. */
  readonly tombstoneRetention: number
}

export type StoreHealth = { readonly ok: true } | { readonly ok: false; readonly error: Error }

/** A session to store. Durations, not instants: the store's clock places them. */
export interface NewSession {
  /** Of a user: in the partition of the user, as `newSessionId` makes it. A store that goes by partitions may refuse others. */
  readonly id: SessionId
  readonly secretHash: string
  readonly userId: string | null
  readonly lifetime: LifetimeKind
  readonly idleTimeout: number
  /** Milliseconds from creation to the absolute deadline. */
  readonly absoluteTimeout: number
  /** Sets `authenticatedAt` to now. */
  readonly authenticated: boolean
  readonly authentication: Authentication
  readonly transport: Transport
  readonly device: Device
  readonly data: JsonFields
  readonly schemaVersion: number
}

/** A live session as the store sees it at `now` (store clock, epoch milliseconds). */
export interface Live {
  readonly record: SessionRecord
  readonly now: number
}

/** A session that this call ended, for events. */
export interface Ended {
  readonly id: SessionId
  readonly userId: string | null
  readonly reason: EndReason
}

export type CreateResult = ({ readonly outcome: 'ok' } & Live) | { readonly outcome: 'exists' }

export type FindResult =
  | ({ readonly status: 'live' } & Live)
  | {
      readonly status: 'ended'
      readonly tombstone: Tombstone
      readonly now: number
      readonly justEnded: boolean
    }
  | { readonly status: 'unknown' }

export interface MutateOptions {
  /** Unique per logical write; at most 64 characters. */
  readonly operationId: string
  readonly ifVersion?: number
  readonly maxBytes: number
  /** Written with the data when the operations come from a schema upgrade. */
  readonly schemaVersion?: number
}

export type MutateResult =
  | ({ readonly outcome: 'ok' } & Live)
  | ({ readonly outcome: 'conflict' } & Live)
  | { readonly outcome: 'gone'; readonly tombstone: Tombstone | null }
  | { readonly outcome: 'rejected'; readonly field: string; readonly cause: 'type' | 'size' }

export interface RotationChange {
  readonly ifRevision: number
  /** The whole new rotating half; its `revision` is `ifRevision + 1`. */
  readonly next: Rotation
}

export type RotateResult =
  | ({ readonly outcome: 'ok' } & Live)
  | ({ readonly outcome: 'conflict' } & Live)
  | { readonly outcome: 'gone'; readonly tombstone: Tombstone | null }

export interface ReplaceOptions {
  readonly operationId: string
  readonly reason: EndReason
  readonly requireOld: boolean
  readonly carry: 'all' | readonly string[]
  readonly operations: readonly Operation[]
  readonly maxBytes: number
  readonly limit: SessionLimit | null
  readonly ifEpoch: string | null
}

export interface SessionLimit {
  readonly count: number
  readonly onLimit: 'refuse' | 'evict-idle' | 'evict-oldest'
}

export type ReplaceResult =
  | ({
      readonly outcome: 'ok'
      /** The session that was ended in favour of the new one, or `null`. */
      readonly replaced: Ended | null
      /** Sessions ended by the limit. */
      readonly evicted: readonly Ended[]
    } & Live)
  | { readonly outcome: 'gone'; readonly tombstone: Tombstone | null }
  | { readonly outcome: 'limit' | 'stale' | 'exists' | 'conflict' }
  | { readonly outcome: 'rejected'; readonly field: string; readonly cause: 'type' | 'size' }

export interface Touch {
  readonly id: SessionId
  /** Milliseconds since the use; so that no node's wall clock is trusted. */
  readonly ago: number
  readonly rotation?: RotationChange
}

export interface EndOptions {
  readonly reason: EndReason
  readonly ofUser?: string
  readonly follow?: boolean
}

export type EndResult =
  | { readonly outcome: 'ended'; readonly ended: readonly Ended[] }
  | { readonly outcome: 'already'; readonly tombstone: Tombstone }
  | { readonly outcome: 'unknown' }

export interface EndUserOptions {
  readonly reason: EndReason
  readonly except?: readonly SessionId[]
}

export interface EndUserResult {
  readonly ended: readonly Ended[]
}

export interface ListResult {
  readonly sessions: readonly SessionRecord[]
  readonly cursor: string | null
  readonly now: number
}

export interface SweepResult {
  readonly ended: readonly Ended[]
  readonly tombstonesRemoved: number
  /** Whether a limit was reached, so that another slice has work. */
  readonly more: boolean
}

export interface ScanResult {
  readonly sessions: readonly SessionRecord[]
  readonly tombstones: readonly Tombstone[]
  readonly cursor: string | null
  readonly now: number
}

export type AdoptResult =
  | ({ readonly outcome: 'ok' | 'exists' } & Live)
  | { readonly outcome: 'ended'; readonly tombstone: Tombstone }
  | { readonly outcome: 'over' | 'stale' }

export interface BuryResult {
  readonly outcome: 'ended' | 'buried' | 'already' | 'over'
}
