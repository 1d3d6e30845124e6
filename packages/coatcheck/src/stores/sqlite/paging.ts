import { UsageError } from '../../core/errors.ts'
import type { ListResult } from '../../core/store.ts'
import type { StoredSession } from './stored-session.ts'

export interface Page {
  readonly limit: number
  readonly cursor: string | null
}

/** A place in a user's list: sessions after it are older, or as old with a smaller id. */
export type Place = readonly [createdAt: number, id: string]

/** Before the newest session. */
const START: Place = [Number.POSITIVE_INFINITY, '']

/** One page out of `read`, which answers up to `limit` sessions after a place, newest first. */
export function toListResult(
  page: Page,
  now: number,
  read: (place: Place, limit: number) => readonly StoredSession[],
): ListResult {
  const found = read(parseCursor(page.cursor), page.limit + 1)
  const sessions = found.slice(0, page.limit).map(({ record }) => record)
  const last = found.length > page.limit ? sessions.at(-1) : undefined
  return { sessions, cursor: last ? `${last.createdAt}:${last.id}` : null, now }
}

/** Throws `ERR_USAGE` for a cursor that no list has answered with. */
export function parseCursor(cursor: string | null): Place {
  if (cursor === null) return START
  const [, createdAt, id] = /^(-?\d[\d.e+-]*):([\w-]+)$/.exec(cursor) ?? []
  if (createdAt === undefined || id === undefined || Number.isNaN(Number(createdAt))) {
    throw new UsageError('ERR_USAGE', 'The cursor is not one that list() has answered with.')
  }
  return [Number(createdAt), id]
}
