import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Rotation, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type { Ended } from '../../core/store.ts'
import type { Epoch } from './epoch-tables.ts'
import type { Place } from './paging.ts'
import { Query } from './query.ts'
import {
  type End,
  NOT_ENDED_WITH_USER,
  SELECT_SESSIONS,
  type SessionRow,
  StoredSession,
} from './stored-session.ts'
import { toText } from './text.ts'
import { FIND_TOMBSTONE, type TombstoneRow, toTombstone } from './tombstones.ts'

/** Writes that each session remembers, so that a repetition is not applied again. */
const REMEMBERED_OPERATIONS = 8

export const FIND_SESSION = `${SELECT_SESSIONS} WHERE s.id = ?`

/** A user's sessions after a place, newest first. */
export const LIST_SESSIONS = `
  ${SELECT_SESSIONS} WHERE s.user_id = ? AND ${NOT_ENDED_WITH_USER} AND (s.created_at, s.id) < (?, ?)
  ORDER BY s.created_at DESC, s.id DESC LIMIT ?
`

export type DataChange = Pick<SessionRecord, 'data' | 'version' | 'schemaVersion'> & {
  readonly operationId: string
}

/** The session that takes the place of an ended one. */
export type Successor = Pick<SessionRecord, 'id' | 'userId'>

/**
 * Sessions and tombstones, and the only place where one turns into the other. Everything here runs inside a transaction
 * of the caller.
 */
export class SessionTables {
  readonly #find: Query<SessionRow>
  readonly #findTombstone: Query<TombstoneRow>
  readonly #findTaken: Query<[number]>
  readonly #ofUser: Query<SessionRow>
  readonly #listOfUser: Query<SessionRow>
  readonly #ofEarlierEpochs: Query<SessionRow>
  readonly #overdue: Query<SessionRow>
  readonly #insert: StatementSync
  readonly #delete: StatementSync
  readonly #insertTombstone: StatementSync
  readonly #removeTombstones: StatementSync
  readonly #updateData: StatementSync
  readonly #updateRotation: StatementSync
  readonly #updateLastSeen: StatementSync
  readonly #updateUserEpoch: StatementSync

  constructor(database: DatabaseSync) {
    this.#find = new Query(database, FIND_SESSION)
    this.#findTombstone = new Query(database, FIND_TOMBSTONE)
    this.#findTaken = new Query(database, FIND_TAKEN)
    this.#ofUser = new Query(database, `${SELECT_SESSIONS} WHERE s.user_id = ? AND ${NOT_ENDED_WITH_USER}`)
    this.#listOfUser = new Query(database, LIST_SESSIONS)
    this.#ofEarlierEpochs = new Query(database, SESSIONS_OF_EARLIER_EPOCHS)
    this.#overdue = new Query(database, OVERDUE_SESSIONS)
    this.#insert = database.prepare(INSERT_SESSION)
    this.#delete = database.prepare('DELETE FROM sessions WHERE number = ?')
    this.#insertTombstone = database.prepare('INSERT INTO tombstones VALUES (?, ?, ?, ?, ?, ?)')
    this.#removeTombstones = database.prepare(REMOVE_TOMBSTONES)
    this.#updateData = database.prepare(UPDATE_DATA)
    this.#updateRotation = database.prepare('UPDATE sessions SET revision = ?, rotation = ? WHERE number = ?')
    this.#updateLastSeen = database.prepare('UPDATE sessions SET last_seen_at = ? WHERE number = ?')
    this.#updateUserEpoch = database.prepare('UPDATE sessions SET user_epoch = ? WHERE number = ?')
  }

  /** The row of this id, also where it is over. */
  find(id: SessionId): StoredSession | null {
    const row = this.#find.get(id)
    return row && new StoredSession(row)
  }

  /** The live session of this id. One that is over is ended for good first, so that no step of the clock revives it (EXP-10). */
  live(id: SessionId, now: number): StoredSession | null {
    const session = this.find(id)
    return session && this.#isLive(session, now) ? session : null
  }

  /** Whether the id is taken: live, ended, or past a deadline that nobody has noticed. */
  has(id: SessionId): boolean {
    return this.#findTaken.get(id, id) !== null
  }

  tombstone(id: SessionId): Tombstone | null {
    const row = this.#findTombstone.get(id)
    return row && toTombstone(row)
  }

  /** The user's live sessions. */
  liveOf(userId: string, now: number): StoredSession[] {
    return this.#ofUser
      .all(toText(userId))
      .map((row) => new StoredSession(row))
      .filter((session) => this.#isLive(session, now))
  }

  /** Up to `limit` of the user's sessions after `place`, newest first. Call `liveOf` before: this one judges nobody. */
  listOf(userId: string, place: Place, limit: number): StoredSession[] {
    return this.#listOfUser.all(toText(userId), ...place, limit).map((row) => new StoredSession(row))
  }

  insert(record: SessionRecord, epoch: Epoch, operationIds: readonly string[]): void {
    this.#insert.run(
      record.id,
      toText(record.userId),
      record.replaces,
      record.createdAt,
      record.authenticatedAt,
      record.lastSeenAt,
      record.idleTimeout,
      record.expiresAt,
      record.lifetime,
      record.transport,
      JSON.stringify(record.authentication),
      JSON.stringify(record.device),
      record.schemaVersion,
      record.version,
      record.rotation.revision,
      JSON.stringify(record.rotation),
      epoch.number,
      epoch.user,
      JSON.stringify(operationIds),
      JSON.stringify(record.data),
    )
  }

  updateData(session: StoredSession, change: DataChange): void {
    const { data, version, schemaVersion, operationId } = change
    const operationIds = [...session.operationIds, operationId].slice(-REMEMBERED_OPERATIONS)
    const json = JSON.stringify(data)
    this.#updateData.run(json, version, schemaVersion, JSON.stringify(operationIds), session.number)
  }

  updateRotation(session: StoredSession, next: Rotation): void {
    this.#updateRotation.run(next.revision, JSON.stringify(next), session.number)
  }

  updateLastSeen(session: StoredSession, at: number): void {
    this.#updateLastSeen.run(at, session.number)
  }

  updateUserEpoch(session: StoredSession, epoch: string): void {
    this.#updateUserEpoch.run(epoch, session.number)
  }

  end(
    session: StoredSession,
    { at, reason }: Pick<End, 'at' | 'reason'>,
    successor: Successor | null,
  ): Ended {
    const { number, id, userText, userId } = session
    this.#delete.run(number)
    const replacedByUser = toText(successor?.userId ?? null)
    this.#insertTombstone.run(id, at, toText(reason), userText, successor?.id ?? null, replacedByUser)
    return { id, userId, reason }
  }

  /** Leaves the tombstone of a session that is not known here. */
  bury({ id, endedAt, reason, userId, replacedBy, replacedByUserId }: Tombstone): void {
    const byUser = toText(replacedByUserId)
    this.#insertTombstone.run(id, endedAt, toText(reason), toText(userId), replacedBy, byUser)
  }

  /** Up to `limit` sessions that are over at `now`, those of earlier global epochs than `epoch` first. */
  over(epoch: number, now: number, limit: number): StoredSession[] {
    const earlier = this.#ofEarlierEpochs.all(epoch, limit)
    const overdue = this.#overdue.all(epoch, now, limit - earlier.length)
    return [...earlier, ...overdue].map((row) => new StoredSession(row))
  }

  /** Removes up to `limit` tombstones that were made at `until` or before; answers how many. */
  removeTombstones(until: number, limit: number): number {
    return Number(this.#removeTombstones.run(until, limit).changes)
  }

  #isLive(session: StoredSession, now: number): boolean {
    const over = session.overBy(now)
    if (over) this.end(session, over, null)
    return over === null
  }
}

const FIND_TAKEN = `
  SELECT 1 WHERE EXISTS (SELECT 1 FROM sessions WHERE id = ?) OR EXISTS (SELECT 1 FROM tombstones WHERE id = ?)
`

const SESSIONS_OF_EARLIER_EPOCHS = `
  ${SELECT_SESSIONS} WHERE s.epoch_number < ? ORDER BY s.epoch_number, s.deadline LIMIT ?
`

const OVERDUE_SESSIONS = `
  ${SELECT_SESSIONS} WHERE s.epoch_number = ? AND s.deadline <= ? ORDER BY s.deadline LIMIT ?
`

const INSERT_SESSION = `
  INSERT INTO sessions (
    id, user_id, replaces, created_at, authenticated_at, last_seen_at, idle_timeout, expires_at, lifetime, transport,
    authentication, device, schema_version, version, revision, rotation, epoch_number, user_epoch, operation_ids, data
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
`

const UPDATE_DATA = `
  UPDATE sessions SET data = ?, version = ?, schema_version = ?, operation_ids = ? WHERE number = ?
`

const REMOVE_TOMBSTONES = `
  DELETE FROM tombstones WHERE id IN (SELECT id FROM tombstones WHERE ended_at <= ? ORDER BY ended_at LIMIT ?)
`
