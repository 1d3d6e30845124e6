import { applyOperations, replacementData } from '../../core/apply-operations.ts'
import { expiredBy } from '../../core/lifetimes.ts'
import { movedInTime } from '../../core/moved-in-time.ts'
import { newRecord } from '../../core/new-record.ts'
import type { EndReason, Operation, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type {
  AdoptResult,
  BuryResult,
  CreateResult,
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
import { frozenCopy } from './frozen-copy.ts'
import { type Page, pageOf } from './list-page.ts'
import type { Entry, SessionTable } from './session-table.ts'

/** Ids of one page of a scan; about as many, see `IdBuckets`. */
const MOST_SCANNED = 1_000

/**
 * The contract of `SessionStore`, method by method and without a promise: what runs in one turn, at one instant of the
 * clock, is atomic and linearizable by itself. Kept plain, because other stores are compared with it.
 */
export class Sessions {
  readonly #table: SessionTable
  readonly #now: number

  constructor(table: SessionTable, now: number) {
    this.#table = table
    this.#now = now
  }

  create(session: NewSession): CreateResult {
    if (this.#table.has(session.id)) return { outcome: 'exists' }
    this.#table.assertRoom(0, this.#now)
    const entry = this.#insert(session, { data: session.data, replaces: null, operationIds: [] })
    return { outcome: 'ok', ...this.#live(entry) }
  }

  find(id: SessionId): FindResult {
    const ended = this.#table.tombstone(id) !== null
    const entry = this.#table.live(id, this.#now)
    if (entry) return { status: 'live', ...this.#live(entry) }
    const tombstone = this.#table.tombstone(id)
    if (!tombstone) return { status: 'unknown' }
    return { status: 'ended', tombstone, now: this.#now, justEnded: !ended }
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): MutateResult {
    const entry = this.#table.live(id, this.#now)
    if (!entry) return { outcome: 'gone', tombstone: this.#table.tombstone(id) }
    if (entry.operationIds.includes(options.operationId)) return { outcome: 'ok', ...this.#live(entry) }
    const { record } = entry
    if (options.ifVersion !== undefined && options.ifVersion !== record.version) {
      return { outcome: 'conflict', ...this.#live(entry) }
    }
    const applied = applyOperations(record.data, operations, options.maxBytes)
    if (!applied.ok) {
      if (applied.outcome === 'conflict') return { outcome: 'conflict', ...this.#live(entry) }
      return { outcome: 'rejected', field: applied.field, cause: applied.cause }
    }
    this.#table.remember(entry, options.operationId)
    const schemaVersion = options.schemaVersion ?? record.schemaVersion
    update(entry, { data: frozenCopy(applied.data), version: record.version + 1, schemaVersion })
    return { outcome: 'ok', ...this.#live(entry) }
  }

  rotate(id: SessionId, change: RotationChange): RotateResult {
    const entry = this.#table.live(id, this.#now)
    if (!entry) return { outcome: 'gone', tombstone: this.#table.tombstone(id) }
    return { outcome: rotateIfUnchanged(entry, change) ? 'ok' : 'conflict', ...this.#live(entry) }
  }

  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): ReplaceResult {
    const known = this.#table.live(session.id, this.#now)
    if (known?.operationIds.includes(options.operationId)) {
      return { outcome: 'ok', ...this.#live(known), replaced: null, evicted: [] }
    }
    const before = old === null ? null : this.#table.live(old, this.#now)
    const refusal = this.#refusal(old, session, options)
    if (refusal) return refusal
    const carried = before?.record.data ?? null
    const { carry, operations, maxBytes } = options
    const merged = replacementData(carried, carry, session.data, operations, maxBytes)
    if (!merged.ok) {
      const { ok: _, ...failure } = merged
      return failure
    }
    const evictions = this.#toEvict(session.userId, before, options.limit)
    if (!evictions) return { outcome: 'limit' }

    this.#table.assertRoom(evictions.length + (before ? 1 : 0), this.#now)
    const origin = {
      data: merged.data,
      replaces: before ? old : null,
      operationIds: [options.operationId],
    }
    const entry = this.#insert(session, origin)
    const replaced =
      before && this.#table.end(before, { at: this.#now, reason: options.reason }, entry.record)
    const evicted = evictions.map((other) => this.#table.end(other, { at: this.#now, reason: 'limit' }, null))
    return { outcome: 'ok', ...this.#live(entry), replaced, evicted }
  }

  touch(batch: readonly Touch[]): void {
    for (const { id, ago, rotation } of batch) {
      const entry = this.#table.live(id, this.#now)
      if (!entry) continue
      const usedAt = Math.min(Math.floor(this.#now - ago), this.#now)
      if (usedAt > entry.record.lastSeenAt) update(entry, { lastSeenAt: usedAt })
      if (rotation) rotateIfUnchanged(entry, rotation)
    }
  }

  end(id: SessionId, { reason, ofUser, follow = false }: EndOptions): EndResult {
    const entry = this.#table.live(id, this.#now)
    const tombstone = this.#table.tombstone(id)
    const userId = entry ? entry.record.userId : tombstone?.userId
    if (userId === undefined || (ofUser !== undefined && userId !== ofUser)) return { outcome: 'unknown' }
    const last = entry ?? (follow ? this.#successor(id) : null)
    if (last) {
      const ended = this.#table.end(last, { at: this.#now, reason }, null)
      return { outcome: 'ended', ended: [ended] }
    }
    return tombstone ? { outcome: 'already', tombstone } : { outcome: 'unknown' }
  }

  endUser(userId: string, { reason, except = [] }: EndUserOptions): EndUserResult {
    const ended = this.#table
      .liveOf(userId, this.#now)
      .filter((entry) => !except.includes(entry.record.id))
      .map((entry) => this.#table.end(entry, { at: this.#now, reason }, null))
    this.#table.renewEpoch(userId, this.#now)
    return { ended }
  }

  endEveryone(reason: EndReason): void {
    this.#table.endEra({ at: this.#now, reason })
  }

  epochs(userId: string): { readonly user: string } {
    return { user: this.#table.epochFor(userId) }
  }

  list(userId: string, page: Page): ListResult {
    const records = this.#table.liveOf(userId, this.#now).map(({ record }) => record)
    return { ...pageOf(records, page), now: this.#now }
  }

  sweep(limit: number, tombstoneRetention: number): SweepResult {
    return this.#table.sweep(limit, this.#now, this.#now - tombstoneRetention)
  }

  scan({ limit, cursor }: Page): ScanResult {
    return { ...this.#table.page(Math.min(limit, MOST_SCANNED), cursor, this.#now), now: this.#now }
  }

  adopt({ record, now }: Live, { ifEpoch }: { readonly ifEpoch: string | null }): AdoptResult {
    const known = this.#table.live(record.id, this.#now)
    if (known) return { outcome: 'exists', ...this.#live(known) }
    const tombstone = this.#table.tombstone(record.id)
    if (tombstone) return { outcome: 'ended', tombstone }
    const epoch = this.#table.epochFor(record.userId)
    if (ifEpoch !== null && ifEpoch !== epoch) return { outcome: 'stale' }
    const moved = movedInTime(record, this.#now - now)
    if (expiredBy(moved, this.#now)) return { outcome: 'over' }
    this.#table.assertRoom(0, this.#now)
    return { outcome: 'ok', ...this.#live(this.#table.insert(frozenCopy({ ...moved, epoch }), [])) }
  }

  bury(tombstone: Tombstone, now: number, retention: number): BuryResult {
    const endedAt = Math.min(tombstone.endedAt + this.#now - now, this.#now)
    const moved = { ...tombstone, endedAt }
    const entry = this.#table.live(tombstone.id, this.#now)
    if (entry) {
      this.#table.bury(entry, { ...moved, userId: entry.record.userId })
      return { outcome: 'ended' }
    }
    if (this.#table.has(tombstone.id)) return { outcome: 'already' }
    if (endedAt <= this.#now - retention) return { outcome: 'over' }
    this.#table.bury(null, moved)
    return { outcome: 'buried' }
  }

  /** Why a replacement may not even be tried. */
  #refusal(
    old: SessionId | null,
    { id, userId }: NewSession,
    { ifEpoch, requireOld }: ReplaceOptions,
  ): ReplaceResult | null {
    if (this.#table.has(id)) return { outcome: 'exists' }
    if (userId !== null && ifEpoch !== null && ifEpoch !== this.#table.epochFor(userId)) {
      return { outcome: 'stale' }
    }
    if (!requireOld || old === null || this.#table.live(old, this.#now)) return null
    return { outcome: 'gone', tombstone: this.#table.tombstone(old) }
  }

  /** The user's sessions that must go so that one more fits, or `null` where none may. */
  #toEvict(
    userId: string | null,
    leaving: Entry | null,
    limit: SessionLimit | null,
  ): readonly Entry[] | null {
    if (userId === null || !limit) return []
    const others = this.#table.liveOf(userId, this.#now).filter((entry) => entry !== leaving)
    const excess = others.length - limit.count + 1
    if (excess <= 0) return []
    if (limit.onLimit === 'refuse') return null
    const age = limit.onLimit === 'evict-idle' ? 'lastSeenAt' : 'createdAt'
    const oldestFirst = ({ record: a }: Entry, { record: b }: Entry) =>
      a[age] - b[age] || a.createdAt - b.createdAt
    return others.sort(oldestFirst).slice(0, excess)
  }

  #insert(
    session: NewSession,
    origin: Pick<SessionRecord, 'data' | 'replaces'> & { readonly operationIds: readonly string[] },
  ): Entry {
    const { data, replaces, operationIds } = origin
    const at = { now: this.#now, epoch: this.#table.epochFor(session.userId), replaces, data }
    return this.#table.insert(frozenCopy(newRecord(session, at)), operationIds)
  }

  #live(entry: Entry): Live {
    return { record: entry.record, now: this.#now }
  }

  /** The live session at the end of a chain of replacements that all belong to the same user. */
  #successor(id: SessionId): Entry | null {
    // What was taken over may lead in circles.
    const seen = new Set<SessionId>()
    for (let next = id; !seen.has(next); ) {
      seen.add(next)
      const tombstone = this.#table.tombstone(next)
      if (!tombstone || tombstone.replacedBy === null || tombstone.userId === null) return null
      if (tombstone.replacedByUserId !== tombstone.userId) return null
      const entry = this.#table.live(tombstone.replacedBy, this.#now)
      if (entry) return entry
      next = tombstone.replacedBy
    }
    return null
  }
}

function update(entry: Entry, change: Partial<SessionRecord>): void {
  entry.record = Object.freeze({ ...entry.record, ...change })
}

function rotateIfUnchanged(entry: Entry, { ifRevision, next }: RotationChange): boolean {
  if (entry.record.rotation.revision !== ifRevision) return false
  update(entry, { rotation: frozenCopy(next) })
  return true
}
