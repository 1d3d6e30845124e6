import { UsageError } from '../../core/errors.ts'
import type { JsonFields } from '../../core/json.ts'
import type { EndReason, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type { Ended, FindResult, ListResult, SweepResult } from '../../core/store.ts'
import { fromText, toText } from './text.ts'

/** A session as `read` and `write` answer it, with the latest writes. */
export interface ReadAnswer {
  readonly outcome: 'read'
  readonly record: SessionRecord
  readonly operationIds: readonly string[]
  readonly now: number
}

export interface LiveAnswer<Outcome extends string> {
  readonly outcome: Outcome
  readonly record: SessionRecord
  readonly now: number
}

export interface GoneAnswer {
  readonly outcome: 'gone'
  readonly tombstone: Tombstone | null
}

export type SettledReplaceAnswer =
  | (LiveAnswer<'ok'> & { readonly replaced: Ended | null; readonly evicted: readonly SessionId[] })
  | GoneAnswer
  | { readonly outcome: 'exists' | 'stale' | 'limit' }

export type ReplaceAnswer =
  | SettledReplaceAnswer
  | { readonly outcome: 'again' }
  | { readonly outcome: 'merge'; readonly data: JsonFields | null; readonly version: number }

/** The database's record with the application's strings as they were. */
export function toRecord(record: SessionRecord): SessionRecord {
  return {
    ...record,
    id: fromText(record.id),
    userId: fromText(record.userId),
    replaces: fromText(record.replaces),
  }
}

export function toTombstone(tombstone: Tombstone | null): Tombstone | null {
  return (
    tombstone && {
      ...tombstone,
      id: fromText(tombstone.id),
      reason: fromText(tombstone.reason),
      userId: fromText(tombstone.userId),
      replacedBy: fromText(tombstone.replacedBy),
      replacedByUserId: fromText(tombstone.replacedByUserId),
    }
  )
}

export function toEnded({ id, userId, reason }: Ended): Ended {
  return { id: fromText(id), userId: fromText(userId), reason: fromText(reason) }
}

export function toEndedAll(ids: readonly SessionId[], userId: string | null, reason: EndReason): Ended[] {
  return ids.map((id) => ({ id: fromText(id), userId, reason }))
}

export function toFindResult(answer: FindResult): FindResult {
  if (answer.status === 'live') return { ...answer, record: toRecord(answer.record) }
  if (answer.status === 'unknown') return answer
  return { ...answer, tombstone: toTombstone(answer.tombstone) as Tombstone }
}

export function toSweepResult(answer: SweepResult): SweepResult {
  return { ...answer, ended: answer.ended.map(toEnded) }
}

/** One session more than the page holds tells that there is another page. */
export function toListResult(
  answer: { readonly sessions: readonly SessionRecord[]; readonly now: number },
  limit: number,
): ListResult {
  const sessions = answer.sessions.slice(0, limit).map(toRecord)
  const last = answer.sessions.length > limit ? sessions.at(-1) : undefined
  return { sessions, cursor: last ? `${last.createdAt}:${last.id}` : null, now: answer.now }
}

/** The place that a cursor names. Throws `ERR_USAGE` for one that no list has answered with. */
export function parseCursor(cursor: string | null): {
  readonly created_at: number | null
  readonly id: string | null
} {
  if (cursor === null) return { created_at: null, id: null }
  const [, createdAt, id] = /^(-?\d+(?:\.\d+)?):(.+)$/s.exec(cursor) ?? []
  if (createdAt === undefined || id === undefined) {
    throw new UsageError('ERR_USAGE', 'The cursor is not one that list() has answered with.')
  }
  return { created_at: Number(createdAt), id: toText(id) }
}
