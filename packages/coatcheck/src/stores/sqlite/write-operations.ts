import { applyOperations, replacementData } from '../../core/apply-operations.ts'
import type { JsonFields } from '../../core/json.ts'
import { expiredBy } from '../../core/lifetimes.ts'
import { movedInTime } from '../../core/moved-in-time.ts'
import { newRecord } from '../../core/new-record.ts'
import type { EndReason, Operation, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type {
  AdoptResult,
  BuryResult,
  CreateResult,
  Ended,
  EndOptions,
  EndResult,
  EndUserOptions,
  EndUserResult,
  FindResult,
  ListResult,
  Live,
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  ReplaceResult,
  RotateResult,
  RotationChange,
  ScanResult,
  SessionLimit,
  SweepResult,
  Touch,
} from '../../core/store.ts'
import type { ChangeLog } from './change-log.ts'
import type { EpochTables, Stamp } from './epoch-tables.ts'
import { type Page, toListResult } from './paging.ts'
import type { Scanning } from './scanning.ts'
import type { SessionTables, Successor } from './session-tables.ts'
import type { StoredSession } from './stored-session.ts'
import type { UserEnds } from './user-ends.ts'

/** What the operations work on. */
export interface Tables {
  readonly sessions: SessionTables
  readonly epochs: EpochTables
  readonly userEnds: UserEnds
  readonly scanning: Scanning
  readonly changes: ChangeLog
}

/**
 * The contract of `SessionStore`, method by method, on tables inside a transaction that the caller begins and ends.
 * Each refuses before it changes anything, apart from ending what is over.
 */
export class WriteOperations {
  readonly #sessions: SessionTables
  readonly #epochs: EpochTables
  readonly #userEnds: UserEnds
  readonly #scanning: Scanning
  readonly #changes: ChangeLog
  readonly #tombstoneRetention: number

  constructor({ sessions, epochs, userEnds, scanning, changes }: Tables, tombstoneRetention: number) {
    this.#sessions = sessions
    this.#epochs = epochs
    this.#userEnds = userEnds
    this.#scanning = scanning
    this.#changes = changes
    this.#tombstoneRetention = tombstoneRetention
  }

  create(stamp: Stamp, session: NewSession): CreateResult {
    if (this.#sessions.has(session.id)) return { outcome: 'exists' }
    const record = this.#insert(stamp, session, { data: session.data, replaces: null, operationIds: [] })
    return { outcome: 'ok', record, now: stamp.now }
  }

  find({ now }: Stamp, id: SessionId): FindResult {
    const session = this.#sessions.find(id)
    const over = session?.overBy(now) ?? null
    if (session && !over) return { status: 'live', record: session.record, now }
    if (session && over) this.#sessions.end(session, over, null)
    const tombstone = this.#sessions.tombstone(id)
    if (!tombstone) return { status: 'unknown' }
    return { status: 'ended', tombstone, now, justEnded: over !== null && !over.reported }
  }

  mutate(
    { now }: Stamp,
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): MutateResult {
    const session = this.#sessions.live(id, now)
    if (!session) return { outcome: 'gone', tombstone: this.#sessions.tombstone(id) }
    const { record } = session
    if (session.operationIds.includes(options.operationId)) return { outcome: 'ok', record, now }
    if (options.ifVersion !== undefined && options.ifVersion !== record.version) {
      return { outcome: 'conflict', record, now }
    }
    const applied = applyOperations(record.data, operations, options.maxBytes)
    if (!applied.ok) {
      if (applied.outcome === 'conflict') return { outcome: 'conflict', record, now }
      return { outcome: 'rejected', field: applied.field, cause: applied.cause }
    }
    const change = {
      data: applied.data,
      schemaVersion: options.schemaVersion ?? record.schemaVersion,
      version: record.version + 1,
    }
    this.#sessions.updateData(session, { ...change, operationId: options.operationId })
    this.#changes.session(id)
    return { outcome: 'ok', record: { ...record, ...change }, now }
  }

  rotate({ now }: Stamp, id: SessionId, change: RotationChange): RotateResult {
    const session = this.#sessions.live(id, now)
    if (!session) return { outcome: 'gone', tombstone: this.#sessions.tombstone(id) }
    const { record } = session
    if (!this.#rotateIfUnchanged(session, change)) return { outcome: 'conflict', record, now }
    return { outcome: 'ok', record: { ...record, rotation: change.next }, now }
  }

  replace(stamp: Stamp, old: SessionId | null, session: NewSession, options: ReplaceOptions): ReplaceResult {
    const { now } = stamp
    const known = this.#sessions.live(session.id, now)
    if (known?.operationIds.includes(options.operationId)) {
      return { outcome: 'ok', record: known.record, now, replaced: null, evicted: [] }
    }
    if (this.#sessions.has(session.id)) return { outcome: 'exists' }
    if (this.#isStale(stamp, session.userId, options.ifEpoch)) return { outcome: 'stale' }
    const before = old === null ? null : this.#sessions.live(old, now)
    if (old !== null && !before && options.requireOld) {
      return { outcome: 'gone', tombstone: this.#sessions.tombstone(old) }
    }
    const carried = before?.record.data ?? null
    const merged = replacementData(carried, options.carry, session.data, options.operations, options.maxBytes)
    if (!merged.ok) {
      if (merged.outcome === 'conflict') return { outcome: 'conflict' }
      return { outcome: 'rejected', field: merged.field, cause: merged.cause }
    }
    const evictions = this.#toEvict(now, session.userId, before, options.limit)
    if (!evictions) return { outcome: 'limit' }

    // Ending first frees the pages that the new session takes.
    const replaced = before && this.#end(before, { at: now, reason: options.reason }, session)
    const evicted = evictions.map((other) => this.#end(other, { at: now, reason: 'limit' }, null))
    const origin = {
      data: merged.data,
      replaces: before ? old : null,
      operationIds: [options.operationId],
    }
    return { outcome: 'ok', record: this.#insert(stamp, session, origin), now, replaced, evicted }
  }

  touch({ now }: Stamp, batch: readonly Touch[]): void {
    for (const { id, ago, rotation } of batch) {
      const session = this.#sessions.live(id, now)
      if (!session) continue
      const usedAt = Math.min(Math.floor(now - ago), now)
      if (usedAt > session.lastSeenAt) this.#sessions.updateLastSeen(session, usedAt)
      if (rotation) this.#rotateIfUnchanged(session, rotation)
    }
  }

  end({ now }: Stamp, id: SessionId, { reason, ofUser, follow = false }: EndOptions): EndResult {
    const session = this.#sessions.live(id, now)
    const tombstone = session ? null : this.#sessions.tombstone(id)
    const userId = session ? session.userId : tombstone?.userId
    if (userId === undefined || (ofUser !== undefined && userId !== ofUser)) return { outcome: 'unknown' }
    const last = session ?? (follow ? this.#successor(id, now) : null)
    if (last) return { outcome: 'ended', ended: [this.#end(last, { at: now, reason }, null)] }
    return tombstone ? { outcome: 'already', tombstone } : { outcome: 'unknown' }
  }

  endUser({ now, nonce }: Stamp, userId: string, { reason, except = [] }: EndUserOptions): EndUserResult {
    const kept = new Set(except)
    const ended: Ended[] = []
    this.#userEnds.clearUser(userId)
    for (const session of this.#sessions.liveOf(userId, now)) {
      if (kept.has(session.id)) this.#sessions.updateUserEpoch(session, nonce)
      else ended.push({ id: session.id, userId, reason })
    }
    this.#epochs.renewUser(userId, nonce)
    this.#changes.user(userId)
    if (ended.length > 0) this.#userEnds.insert(userId, { epoch: nonce, reason, at: now })
    return { ended }
  }

  endEveryone(stamp: Stamp, { reason }: { readonly reason: EndReason }): void {
    this.#epochs.endEveryone(reason, stamp)
    this.#changes.everyone()
  }

  epochOf({ nonce }: Stamp, userId: string | null): string {
    return this.#epochs.current(userId, nonce).text
  }

  list({ now }: Stamp, userId: string, page: Page): ListResult {
    this.#sessions.liveOf(userId, now)
    return toListResult(page, now, (place, limit) => this.#sessions.listOf(userId, place, limit))
  }

  sweep({ now }: Stamp, { limit }: { readonly limit: number }): SweepResult {
    const over = this.#sessions.over(this.#epochs.number(), now, limit)
    const ended: Ended[] = []
    for (const session of over) {
      const end = session.overBy(now)
      if (!end) continue
      const one = this.#sessions.end(session, end, null)
      if (!end.reported) ended.push(one)
    }
    const tombstonesRemoved = this.#sessions.removeTombstones(now - this.#tombstoneRetention, limit)
    return { ended, tombstonesRemoved, more: over.length === limit || tombstonesRemoved === limit }
  }

  scan({ now }: Stamp, page: Page): ScanResult {
    return this.#scanning.page(page, now)
  }

  adopt({ now, nonce }: Stamp, session: Live, ifEpoch: string | null): AdoptResult {
    const { id, userId } = session.record
    const known = this.#sessions.live(id, now)
    if (known) return { outcome: 'exists', record: known.record, now }
    const tombstone = this.#sessions.tombstone(id)
    if (tombstone) return { outcome: 'ended', tombstone }
    const epoch = this.#epochs.current(userId, nonce)
    if (ifEpoch !== null && ifEpoch !== epoch.text) return { outcome: 'stale' }
    const record = { ...movedInTime(session.record, now - session.now), epoch: epoch.text }
    if (expiredBy(record, now)) return { outcome: 'over' }
    this.#sessions.insert(record, epoch, [])
    return { outcome: 'ok', record, now }
  }

  bury({ now }: Stamp, tombstone: Tombstone, there: number): BuryResult {
    const { id, reason, replacedBy, replacedByUserId } = tombstone
    const endedAt = Math.min(tombstone.endedAt + now - there, now)
    const session = this.#sessions.live(id, now)
    if (session) {
      const successor = replacedBy === null ? null : { id: replacedBy, userId: replacedByUserId }
      this.#end(session, { at: endedAt, reason }, successor)
      return { outcome: 'ended' }
    }
    if (this.#sessions.has(id)) return { outcome: 'already' }
    if (endedAt <= now - this.#tombstoneRetention) return { outcome: 'over' }
    this.#sessions.bury({ ...tombstone, endedAt })
    return { outcome: 'buried' }
  }

  /** Whether the id is that of a session or of a tombstone. */
  holds(id: SessionId): boolean {
    return this.#sessions.has(id)
  }

  /** Removes up to `limit` sessions that ended with their user. Answers whether there may be more. */
  clear(limit: number): boolean {
    return this.#userEnds.clear(limit)
  }

  /** An end that nobody could foresee. */
  #end(
    session: StoredSession,
    end: { readonly at: number; readonly reason: EndReason },
    successor: Successor | null,
  ): Ended {
    this.#changes.session(session.id)
    return this.#sessions.end(session, end, successor)
  }

  #insert({ now, nonce }: Stamp, session: NewSession, origin: Origin): SessionRecord {
    const { data, replaces, operationIds } = origin
    const epoch = this.#epochs.current(session.userId, nonce)
    const record = newRecord(session, { now, epoch: epoch.text, replaces, data })
    this.#sessions.insert(record, epoch, operationIds)
    return record
  }

  #rotateIfUnchanged(session: StoredSession, { ifRevision, next }: RotationChange): boolean {
    if (session.record.rotation.revision !== ifRevision) return false
    this.#sessions.updateRotation(session, next)
    this.#changes.session(session.id)
    return true
  }

  #isStale({ nonce }: Stamp, userId: string | null, ifEpoch: string | null): boolean {
    return userId !== null && ifEpoch !== null && ifEpoch !== this.#epochs.current(userId, nonce).text
  }

  /** The user's sessions that must go so that one more fits, or `null` where none may. */
  #toEvict(
    now: number,
    userId: string | null,
    replaced: StoredSession | null,
    limit: SessionLimit | null,
  ): readonly StoredSession[] | null {
    if (userId === null || !limit) return []
    const others = this.#sessions.liveOf(userId, now).filter((other) => other.id !== replaced?.id)
    const excess = others.length - limit.count + 1
    if (excess <= 0) return []
    return limit.onLimit === 'refuse' ? null : others.sort(byAge(limit.onLimit)).slice(0, excess)
  }

  /** The live session at the end of a chain of replacements that all belong to the same user. */
  #successor(id: SessionId, now: number): StoredSession | null {
    // What was taken over may lead in circles.
    const seen = new Set<SessionId>()
    for (let next = id; !seen.has(next); ) {
      seen.add(next)
      const tombstone = this.#sessions.tombstone(next)
      if (!tombstone || tombstone.replacedBy === null || tombstone.userId === null) return null
      if (tombstone.replacedByUserId !== tombstone.userId) return null
      const session = this.#sessions.live(tombstone.replacedBy, now)
      if (session) return session
      next = tombstone.replacedBy
    }
    return null
  }
}

interface Origin {
  readonly data: JsonFields
  readonly replaces: SessionId | null
  readonly operationIds: readonly string[]
}

/** Longest idle, or oldest, first; then in the order in which they were stored. */
function byAge(onLimit: 'evict-idle' | 'evict-oldest'): (a: StoredSession, b: StoredSession) => number {
  return (a, b) => {
    const byUse = onLimit === 'evict-idle' ? a.lastSeenAt - b.lastSeenAt : 0
    return byUse || a.createdAt - b.createdAt || a.number - b.number
  }
}
