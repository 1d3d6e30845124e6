import type { SessionId, Tombstone } from '../../core/record.ts'
import type { End, StoredSession } from './stored-session.ts'
import { fromText } from './text.ts'

/** Reads tombstones in the order of `TombstoneRow`. */
export const SELECT_TOMBSTONES = `
  SELECT id, ended_at, reason, user_id, replaced_by, replaced_by_user_id FROM tombstones
`

export const FIND_TOMBSTONE = `${SELECT_TOMBSTONES} WHERE id = ?`

export type TombstoneRow = readonly [
  id: string,
  endedAt: number,
  reason: string,
  userId: string | null,
  replacedBy: string | null,
  replacedByUserId: string | null,
]

export function toTombstone(row: TombstoneRow): Tombstone {
  const [id, endedAt, reason, userId, replacedBy, replacedByUserId] = row
  return {
    id: id as SessionId,
    endedAt,
    reason: fromText(reason),
    userId: fromText(userId),
    replacedBy: replacedBy as SessionId | null,
    replacedByUserId: fromText(replacedByUserId),
  }
}

/** What the tombstone of a session says that is over and that nothing replaces. */
export function tombstoneOf({ id, userId }: StoredSession, { at, reason }: End): Tombstone {
  return { id, endedAt: at, reason, userId, replacedBy: null, replacedByUserId: null }
}
