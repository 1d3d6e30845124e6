import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { Query } from './query.ts'
import type { SessionTables } from './session-tables.ts'
import {
  ENDED_WITH_USER,
  type End,
  SELECT_SESSIONS,
  type SessionRow,
  StoredSession,
} from './stored-session.ts'
import { toText } from './text.ts'

/** All of a user's sessions that are over in favour of a new epoch. */
export interface UserEnd extends Pick<End, 'at' | 'reason'> {
  /** The user's new epoch; sessions that keep living have it already. */
  readonly epoch: string
}

/**
 * Ends of all sessions of a user by one row, in a time that does not depend on where their pages lie: every session of
 * the user with another epoch is over from that moment. Their rows turn into tombstones afterwards, slice by slice;
 * nobody can tell the difference.
 */
export class UserEnds {
  readonly #tables: SessionTables
  readonly #insert: StatementSync
  readonly #delete: StatementSync
  readonly #anyUser: Query<[userText: string]>
  readonly #endedOf: Query<SessionRow>

  constructor(database: DatabaseSync, tables: SessionTables) {
    this.#tables = tables
    this.#insert = database.prepare(
      'INSERT INTO user_ends (user_id, epoch, reason, ended_at) VALUES (?, ?, ?, ?)',
    )
    this.#delete = database.prepare('DELETE FROM user_ends WHERE user_id = ?')
    this.#anyUser = new Query(database, 'SELECT user_id FROM user_ends LIMIT 1')
    this.#endedOf = new Query(
      database,
      `${SELECT_SESSIONS} WHERE s.user_id = ? AND ${ENDED_WITH_USER} LIMIT ?`,
    )
  }

  /** Ends every session of the user without the new epoch. What an earlier end has left must be cleared. */
  insert(userId: string, { epoch, reason, at }: UserEnd): void {
    this.#insert.run(toText(userId), epoch, toText(reason), at)
  }

  /** Turns all that an earlier end of this user has left into tombstones. */
  clearUser(userId: string): void {
    this.#clear(toText(userId), ALL)
  }

  /** Turns up to `limit` rows into tombstones. Answers whether there may be more. */
  clear(limit: number): boolean {
    const user = this.#anyUser.get()
    if (!user) return false
    this.#clear(user[0], limit)
    return true
  }

  #clear(userText: string, limit: number): void {
    const rows = this.#endedOf.all(userText, limit)
    for (const row of rows) {
      const session = new StoredSession(row)
      const end = session.overBy(0)
      if (end) this.#tables.end(session, end, null)
    }
    if (rows.length !== limit) this.#delete.run(userText)
  }
}

/** What SQLite takes for no limit. */
const ALL = -1
