import type { Environment } from '../../core/environment.ts'
import { StoreError } from '../../core/errors.ts'
import { deadlines, expiredBy } from '../../core/lifetimes.ts'
import type { EndReason, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type { Ended, ScanResult, SweepResult } from '../../core/store.ts'
import { IdBuckets } from './id-buckets.ts'
import { SliceCursor } from './slice-cursor.ts'
import { UserIndex } from './user-index.ts'

/** A stored session that nothing has ended yet; whether it lives is known only once its deadlines were looked at. */
export interface Entry {
  record: SessionRecord
  /** The latest writes, oldest first. */
  operationIds: readonly string[]
  readonly era: Era
}

export interface End {
  readonly at: number
  readonly reason: EndReason
}

/** The time between two ends of everyone. All sessions of an era are over once it is, without a look at any of them. */
interface Era {
  readonly epoch: string
  ended: End | null
}

/** Entries looked at per session that a sweep may end. */
const LOOKS_PER_END = 10

/** Sessions past a deadline that make room for a new one where the table is full: few, since a flood would pay for them. */
const ROOM_SLICE = 10

/** Writes that each session remembers, so that a repetition is not applied again. */
const REMEMBERED_OPERATIONS = 8

/** Sessions, tombstones and what finds them; the only place where a session turns into a tombstone. */
export class SessionTable {
  readonly #environment: Environment
  readonly #maxSessions: number
  readonly #entries = new Map<SessionId, Entry>()
  readonly #tombstones = new Map<SessionId, Tombstone>()
  /** Of both. */
  readonly #ids = new IdBuckets()
  readonly #entryCursor = new SliceCursor(this.#entries)
  readonly #tombstoneCursor = new SliceCursor(this.#tombstones)
  readonly #users: UserIndex
  /** What the present pass of sweeps has behind it. */
  #swept = { entries: false, tombstones: false }
  #era: Era

  constructor(environment: Environment, maxSessions: number) {
    this.#environment = environment
    this.#maxSessions = maxSessions
    this.#users = new UserIndex({ newEpoch: () => this.#nonce(), maxVacant: maxSessions })
    this.#era = { epoch: this.#nonce(), ended: null }
  }

  /** Whether the id is taken: live, ended, or past a deadline that nobody has noticed. */
  has(id: SessionId): boolean {
    return this.#entries.has(id) || this.#tombstones.has(id)
  }

  /** The live session of this id. One that is over is ended for good first, so that no step of the clock revives it (EXP-10). */
  live(id: SessionId, now: number): Entry | null {
    const entry = this.#entries.get(id)
    return !entry || this.#endIfOver(entry, now) ? null : entry
  }

  tombstone(id: SessionId): Tombstone | null {
    return this.#tombstones.get(id) ?? null
  }

  liveOf(userId: string, now: number): Entry[] {
    return this.#users
      .sessionsOf(userId)
      .map((id) => this.live(id, now))
      .filter((entry) => entry !== null)
  }

  /** Throws `ERR_STORE_FULL` where no session fits once `leaving` others have gone; live ones are never dropped for it. */
  assertRoom(leaving: number, now: number): void {
    if (this.#fits(leaving)) return
    this.sweepEntries(ROOM_SLICE, now)
    if (this.#fits(leaving)) return
    throw new StoreError(
      'ERR_STORE_FULL',
      `The memory store holds maxSessions (${this.#maxSessions}) sessions already.`,
      { retryable: true },
    )
  }

  insert(record: SessionRecord, operationIds: readonly string[]): Entry {
    const entry: Entry = { record, operationIds, era: this.#era }
    this.#entries.set(record.id, entry)
    this.#ids.add(record.id)
    if (record.userId !== null) this.#users.add(record.userId, record.id)
    return entry
  }

  remember(entry: Entry, operationId: string): void {
    entry.operationIds = [...entry.operationIds, operationId].slice(-REMEMBERED_OPERATIONS)
  }

  end(entry: Entry, { at, reason }: End, successor: SessionRecord | null): Ended {
    const { id, userId } = entry.record
    const replacedBy = successor?.id ?? null
    const replacedByUserId = successor?.userId ?? null
    this.bury(entry, { id, endedAt: at, reason, userId, replacedBy, replacedByUserId })
    return { id, userId, reason }
  }

  /** Puts a tombstone in the place of the entry, if there is one. */
  bury(entry: Entry | null, tombstone: Tombstone): void {
    if (entry) {
      const { id, userId } = entry.record
      this.#entries.delete(id)
      if (userId !== null) this.#users.remove(userId, id)
    }
    this.#tombstones.set(tombstone.id, Object.freeze(tombstone))
    this.#ids.add(tombstone.id)
    this.#dropExcessTombstone()
  }

  /**
   * About `limit` of what is stored. A session that is over is left out until somebody is told of its end: it has no
   * tombstone yet.
   */
  page(limit: number, cursor: string | null, now: number): Omit<ScanResult, 'now'> {
    const { ids, cursor: next } = this.#ids.page(limit, cursor)
    const entries = ids.map((id) => this.#entries.get(id)).filter((entry) => entry !== undefined)
    const tombstones = ids.map((id) => this.tombstone(id)).filter((tombstone) => tombstone !== null)
    const sessions = entries.filter((entry) => !overBy(entry, now)).map(({ record }) => record)
    return { sessions, tombstones, cursor: next }
  }

  /** What a record made now carries: equal on all sessions that neither an end of their user nor one of everyone has reached. */
  epochFor(userId: string | null): string {
    return userId === null ? this.#era.epoch : `${this.#era.epoch}.${this.#users.epochOf(userId)}`
  }

  /** A new epoch for the user, which the sessions still there take on. */
  renewEpoch(userId: string, now: number): void {
    this.#users.renewEpoch(userId)
    const epoch = this.epochFor(userId)
    for (const entry of this.liveOf(userId, now)) entry.record = Object.freeze({ ...entry.record, epoch })
  }

  endEra(end: End): void {
    this.#era.ended = end
    this.#era = { epoch: this.#nonce(), ended: null }
  }

  /**
   * One slice of a pass over everything, which is at its end once both parts are: a part that is done waits for the
   * other, else each might begin anew while the other is under way, for ever.
   */
  sweep(limit: number, now: number, endedBy: number): SweepResult {
    const entries = this.#swept.entries ? { ended: [], done: true } : this.sweepEntries(limit, now)
    const tombstones = this.#swept.tombstones
      ? { removed: 0, done: true }
      : this.#sweepTombstones(limit, endedBy)
    const more = !entries.done || !tombstones.done
    this.#swept = { entries: more && entries.done, tombstones: more && tombstones.done }
    return { ended: entries.ended, tombstonesRemoved: tombstones.removed, more }
  }

  /** Ends up to `limit` sessions that are over; `done` where the pass over all of them is at its end. */
  sweepEntries(limit: number, now: number): { readonly ended: readonly Ended[]; readonly done: boolean } {
    const ended: Ended[] = []
    const done = this.#entryCursor.slice(limit * LOOKS_PER_END, (entry) => {
      const end = this.#endIfOver(entry, now)
      if (end) ended.push(end)
      return ended.length < limit
    })
    return { ended, done }
  }

  #endIfOver(entry: Entry, now: number): Ended | null {
    const over = overBy(entry, now)
    return over && this.end(entry, over, null)
  }

  /** Removes up to `limit` tombstones of sessions that ended at `endedBy` or before. */
  #sweepTombstones(limit: number, endedBy: number): { readonly removed: number; readonly done: boolean } {
    let removed = 0
    const done = this.#tombstoneCursor.slice(limit * LOOKS_PER_END, ({ id, endedAt }) => {
      if (endedAt <= endedBy && this.#forget(id)) removed++
      return removed < limit
    })
    return { removed, done }
  }

  #fits(leaving: number): boolean {
    return this.#entries.size - leaving < this.#maxSessions
  }

  /** Without its tombstone an ended session is unknown, which is as dead. */
  #dropExcessTombstone(): void {
    if (this.#tombstones.size <= this.#maxSessions) return
    for (const oldest of this.#tombstones.keys()) {
      this.#forget(oldest)
      return
    }
  }

  #forget(id: SessionId): boolean {
    this.#ids.delete(id)
    return this.#tombstones.delete(id)
  }

  #nonce(): string {
    return this.#environment
      .randomBytes(12)
      .reduce((hex, byte) => hex + byte.toString(16).padStart(2, '0'), '')
  }
}

/** Why and since when a session is over, or `null`. After an end of everyone, the clock of that moment decides. */
function overBy({ record, era }: Entry, now: number): End | null {
  const reason = expiredBy(record, era.ended?.at ?? now)
  return reason ? { at: deadlines(record)[reason], reason } : era.ended
}
