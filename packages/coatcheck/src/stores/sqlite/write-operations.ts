import { applyOperations, replacementData } from '../../core/apply-operations.ts'
import type { JsonFields } from '../../core/json.ts'
import { newRecord } from '../../core/new-record.ts'
import type { Operation, SessionId, SessionRecord } from '../../core/record.ts'
import type {
  CreateResult,
  EndOptions,
  EndResult,
  EndUserOptions,
  EndUserResult,
  FindResult,
  ListResult,
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  ReplaceResult,
  RotateResult,
  RotationChange,
  SessionLimit,
  SweepResult,
  Touch,
} from '../../core/store.ts'
import { type Page, toListResult } from './paging.ts'
import type { SessionTables, Stamp } from './session-tables.ts'
import type { StoredSession } from './stored-session.ts'

/**
 * The contract of `SessionStore`, method by method, on tables inside a transaction that the caller begins and ends.
 * Each refuses before it changes anything, apart from ending what is over.
 */
export class WriteOperations {
  readonly #tables: SessionTables
  readonly #tombstoneRetention: number

  constructor(tables: SessionTables, tombstoneRetention: number) {
    this.#tables = tables
    this.#tombstoneRetention = tombstoneRetention
  }

  create(stamp: Stamp, session: NewSession): CreateResult {
    if (this.#tables.has(session.id)) return { outcome: 'exists' }
    const record = this.#insert(stamp, session, { data: session.data, replaces: null, operationIds: [] })
    return { outcome: 'ok', record, now: stamp.now }
  }

  find({ now }: Stamp, id: SessionId): FindResult {
    const before = this.#tables.tombstone(id)
    const session = this.#tables.live(id, now)
    if (session) return { status: 'live', record: session.record, now }
    const tombstone = before ?? this.#tables.tombstone(id)
    if (!tombstone) return { status: 'unknown' }
    return { status: 'ended', tombstone, now, justEnded: before === null }
  }

  mutate(
    { now }: Stamp,
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): MutateResult {
    const session = this.#tables.live(id, now)
    if (!session) return { outcome: 'gone', tombstone: this.#tables.tombstone(id) }
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
    this.#tables.updateData(session, { ...change, operationId: options.operationId })
    return { outcome: 'ok', record: { ...record, ...change }, now }
  }

  rotate({ now }: Stamp, id: SessionId, change: RotationChange): RotateResult {
    const session = this.#tables.live(id, now)
    if (!session) return { outcome: 'gone', tombstone: this.#tables.tombstone(id) }
    const { record } = session
    if (!this.#rotateIfUnchanged(session, change)) return { outcome: 'conflict', record, now }
    return { outcome: 'ok', record: { ...record, rotation: change.next }, now }
  }

  replace(stamp: Stamp, old: SessionId | null, session: NewSession, options: ReplaceOptions): ReplaceResult {
    const { now } = stamp
    const known = this.#tables.live(session.id, now)
    if (known?.operationIds.includes(options.operationId)) {
      return { outcome: 'ok', record: known.record, now, replaced: null, evicted: [] }
    }
    if (this.#tables.has(session.id)) return { outcome: 'exists' }
    if (this.#isStale(stamp, session.userId, options.ifEpoch)) return { outcome: 'stale' }
    const before = old === null ? null : this.#tables.live(old, now)
    if (old !== null && !before && options.requireOld) {
      return { outcome: 'gone', tombstone: this.#tables.tombstone(old) }
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
    const replaced = before && this.#tables.end(before, { at: now, reason: options.reason }, session)
    const evicted = evictions.map((other) => this.#tables.end(other, { at: now, reason: 'limit' }, null))
    const origin = {
      data: merged.data,
      replaces: before ? old : null,
      operationIds: [options.operationId],
    }
    return { outcome: 'ok', record: this.#insert(stamp, session, origin), now, replaced, evicted }
  }

  touch({ now }: Stamp, batch: readonly Touch[]): void {
    for (const { id, ago, rotation } of batch) {
      const session = this.#tables.live(id, now)
      if (!session) continue
      const usedAt = Math.min(Math.floor(now - ago), now)
      if (usedAt > session.lastSeenAt) this.#tables.updateLastSeen(session, usedAt)
      if (rotation) this.#rotateIfUnchanged(session, rotation)
    }
  }

  end({ now }: Stamp, id: SessionId, { reason, ofUser, follow = false }: EndOptions): EndResult {
    const session = this.#tables.live(id, now)
    const tombstone = session ? null : this.#tables.tombstone(id)
    const userId = session ? session.userId : tombstone?.userId
    if (userId === undefined || (ofUser !== undefined && userId !== ofUser)) return { outcome: 'unknown' }
    const last = session ?? (follow ? this.#successor(id, now) : null)
    if (last) return { outcome: 'ended', ended: [this.#tables.end(last, { at: now, reason }, null)] }
    return tombstone ? { outcome: 'already', tombstone } : { outcome: 'unknown' }
  }

  endUser({ now, nonce }: Stamp, userId: string, { reason, except = [] }: EndUserOptions): EndUserResult {
    const kept = new Set(except)
    const ended = this.#tables
      .liveOf(userId, now)
      .filter((session) => !kept.has(session.id))
      .map((session) => this.#tables.end(session, { at: now, reason }, null))
    this.#tables.renewEpoch(userId, nonce)
    return { ended }
  }

  endEveryone(stamp: Stamp, { reason }: { readonly reason: string }): void {
    this.#tables.endEpoch(reason, stamp)
  }

  epochs({ nonce }: Stamp, userId: string): { readonly user: string } {
    return { user: this.#tables.epochFor(userId, nonce) }
  }

  list({ now }: Stamp, userId: string, page: Page): ListResult {
    this.#tables.liveOf(userId, now)
    return toListResult(page, now, (place, limit) => this.#tables.listOf(userId, place, limit))
  }

  sweep({ now }: Stamp, { limit }: { readonly limit: number }): SweepResult {
    const ended = this.#tables.sweepSessions(limit, now)
    const tombstonesRemoved = this.#tables.sweepTombstones(limit, now - this.#tombstoneRetention)
    return { ended, tombstonesRemoved, more: ended.length === limit || tombstonesRemoved === limit }
  }

  #insert({ now, nonce }: Stamp, session: NewSession, origin: Origin): SessionRecord {
    const { data, replaces, operationIds } = origin
    const epoch = this.#tables.epochFor(session.userId, nonce)
    const record = newRecord(session, { now, epoch, replaces, data })
    this.#tables.insert(record, operationIds)
    return record
  }

  #rotateIfUnchanged(session: StoredSession, { ifRevision, next }: RotationChange): boolean {
    if (session.record.rotation.revision !== ifRevision) return false
    this.#tables.updateRotation(session, next)
    return true
  }

  #isStale({ nonce }: Stamp, userId: string | null, ifEpoch: string | null): boolean {
    return userId !== null && ifEpoch !== null && ifEpoch !== this.#tables.epochFor(userId, nonce)
  }

  /** The user's sessions that must go so that one more fits, or `null` where none may. */
  #toEvict(
    now: number,
    userId: string | null,
    replaced: StoredSession | null,
    limit: SessionLimit | null,
  ): readonly StoredSession[] | null {
    if (userId === null || !limit) return []
    const others = this.#tables.liveOf(userId, now).filter((other) => other.id !== replaced?.id)
    const excess = others.length - limit.count + 1
    if (excess <= 0) return []
    return limit.onLimit === 'refuse' ? null : others.sort(byAge(limit.onLimit)).slice(0, excess)
  }

  /** The live session at the end of a chain of replacements that all belong to the same user. */
  #successor(id: SessionId, now: number): StoredSession | null {
    for (let next = id; ; ) {
      const tombstone = this.#tables.tombstone(next)
      if (!tombstone || tombstone.replacedBy === null || tombstone.userId === null) return null
      if (tombstone.replacedByUserId !== tombstone.userId) return null
      const session = this.#tables.live(tombstone.replacedBy, now)
      if (session) return session
      next = tombstone.replacedBy
    }
  }
}

interface Origin {
  readonly data: JsonFields
  readonly replaces: SessionId | null
  readonly operationIds: readonly string[]
}

/** Longest idle, or oldest, first. */
function byAge(onLimit: 'evict-idle' | 'evict-oldest'): (a: StoredSession, b: StoredSession) => number {
  return (a, b) => {
    const byUse = onLimit === 'evict-idle' ? a.lastSeenAt - b.lastSeenAt : 0
    return byUse || a.record.createdAt - b.record.createdAt
  }
}
