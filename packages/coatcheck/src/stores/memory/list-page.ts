import { UsageError } from '../../core/errors.ts'
import type { SessionId, SessionRecord } from '../../core/record.ts'
import type { ListResult } from '../../core/store.ts'

export interface Page {
  readonly limit: number
  readonly cursor: string | null
}

/**
 * One page of `records`, newest first. The cursor names the place of the last one shown, not a count, so that sessions
 * which come and go shift nothing.
 */
export function pageOf(
  records: readonly SessionRecord[],
  { limit, cursor }: Page,
): Pick<ListResult, 'sessions' | 'cursor'> {
  const after = cursor === null ? null : parseCursor(cursor)
  const rest = records.filter((record) => after === null || newestFirst(record, after) > 0).sort(newestFirst)
  const sessions = rest.slice(0, limit)
  const last = sessions.at(-1)
  return { sessions, cursor: last && rest.length > limit ? `${last.createdAt}:${last.id}` : null }
}

type Place = Pick<SessionRecord, 'createdAt' | 'id'>

function newestFirst(a: Place, b: Place): number {
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt
  if (a.id === b.id) return 0
  return a.id < b.id ? 1 : -1
}

function parseCursor(cursor: string): Place {
  const [, createdAt, id] = /^(-?\d+(?:\.\d+)?):(.+)$/s.exec(cursor) ?? []
  if (createdAt === undefined || id === undefined) {
    throw new UsageError('ERR_USAGE', 'The cursor is not one that list() has answered with.')
  }
  return { createdAt: Number(createdAt), id: id as SessionId }
}
