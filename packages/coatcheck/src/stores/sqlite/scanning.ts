import type { DatabaseSync } from 'node:sqlite'
import { UsageError } from '../../core/errors.ts'
import type { SessionRecord, Tombstone } from '../../core/record.ts'
import type { ScanResult } from '../../core/store.ts'
import type { Page } from './paging.ts'
import { Query } from './query.ts'
import { SELECT_SESSIONS, type SessionRow, StoredSession } from './stored-session.ts'
import { SELECT_TOMBSTONES, type TombstoneRow, tombstoneOf, toTombstone } from './tombstones.ts'

/** Rows of one page, since whoever asks waits for them: well below a millisecond per hundred. */
const MOST_SCANNED = 200

/** Behind which row a page begins: sessions go by the number of the row, which none ever changes, then tombstones by id. */
type From =
  | { readonly table: 'sessions'; readonly after: number }
  | { readonly table: 'tombstones'; readonly after: string }

/** All sessions and tombstones, page by page; each page is one short read, and nothing stays open in between. */
export class Scanning {
  readonly #sessions: Query<SessionRow>
  readonly #tombstones: Query<TombstoneRow>

  constructor(database: DatabaseSync) {
    this.#sessions = new Query(database, `${SELECT_SESSIONS} WHERE s.number > ? ORDER BY s.number LIMIT ?`)
    this.#tombstones = new Query(database, `${SELECT_TOMBSTONES} WHERE id > ? ORDER BY id LIMIT ?`)
  }

  /** Judges sessions, and ends none: one that is over is left out until somebody is told of its end. */
  page({ limit, cursor }: Page, now: number): ScanResult {
    const from = parseScanCursor(cursor)
    const count = Math.max(1, Math.min(limit, MOST_SCANNED))
    if (from.table === 'sessions') return this.#sessionsAfter(from.after, count, now)
    const tombstones = this.#tombstones.all(from.after, count).map(toTombstone)
    const last = tombstones.length === count ? tombstones.at(-1) : undefined
    return { sessions: [], tombstones, cursor: last ? `tombstones:${last.id}` : null, now }
  }

  #sessionsAfter(after: number, count: number, now: number): ScanResult {
    const found = this.#sessions.all(after, count).map((row) => new StoredSession(row))
    const sessions: SessionRecord[] = []
    const tombstones: Tombstone[] = []
    for (const session of found) {
      const over = session.overBy(now)
      if (!over) sessions.push(session.record)
      else if (over.reported) tombstones.push(tombstoneOf(session, over))
    }
    const last = found.length === count ? found.at(-1) : undefined
    return { sessions, tombstones, cursor: last ? `sessions:${last.number}` : 'tombstones:', now }
  }
}

/** Throws `ERR_USAGE` for a cursor that no scan has answered with. */
export function parseScanCursor(cursor: string | null): From {
  if (cursor === null) return { table: 'sessions', after: 0 }
  const [, number, id] = /^(?:sessions:(\d{1,15})|tombstones:([\w-]*))$/.exec(cursor) ?? []
  if (number !== undefined) return { table: 'sessions', after: Number(number) }
  if (id !== undefined) return { table: 'tombstones', after: id }
  throw new UsageError('ERR_USAGE', 'The cursor is not one that scan() has answered with.')
}
