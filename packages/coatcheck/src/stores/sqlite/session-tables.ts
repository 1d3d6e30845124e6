import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EndReason, Rotation, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type { Ended } from '../../core/store.ts'
import { Query } from './query.ts'
import { type End, SELECT_SESSIONS, type SessionRow, StoredSession } from './stored-session.ts'
import { toText } from './text.ts'
import { FIND_TOMBSTONE, type TombstoneRow, toTombstone } from './tombstones.ts'

/** When a call was made, by the clock of the environment, and a fresh random value for an epoch it may have to make. */
export interface Stamp {
  readonly now: number
  readonly nonce: string
}

/** Writes that each session remembers, so that a repetition is not applied again. */
const REMEMBERED_OPERATIONS = 8

export const FIND_SESSION = `${SELECT_SESSIONS} WHERE s.id = ?`
export const FIND_USER_EPOCH = `
  SELECT e.nonce, u.epoch FROM users u, epochs e
  WHERE u.user_id = ? AND e.number = (SELECT max(number) FROM epochs)
`
/** Newest first; the last two parameters before the limit are the place to go on after. */
export const LIST_SESSIONS = `
  ${SELECT_SESSIONS} WHERE s.user_id = ? AND (s.created_at, s.id) < (?, ?)
  ORDER BY s.created_at DESC, s.id DESC LIMIT ?
`

/**
 * The tables, and the only place where a session turns into a tombstone. Everything here runs inside a transaction of
 * the caller.
 */
export class SessionTables {
  readonly #findSession: Query<SessionRow>
  readonly #findTombstone: Query<TombstoneRow>
  readonly #findTaken: Query<[number]>
  readonly #ofUser: Query<SessionRow>
  readonly #listOfUser: Query<SessionRow>
  readonly #outlived: Query<SessionRow>
  readonly #overdue: Query<SessionRow>
  readonly #currentEpoch: Query<[number: number, nonce: string]>
  readonly #userEpoch: Query<[nonce: string, epoch: string]>
  readonly #insertSession: StatementSync
  readonly #deleteSession: StatementSync
  readonly #insertTombstone: StatementSync
  readonly #removeTombstones: StatementSync
  readonly #updateData: StatementSync
  readonly #updateRotation: StatementSync
  readonly #updateLastSeen: StatementSync
  readonly #updateEpochs: StatementSync
  readonly #setUserEpoch: StatementSync
  readonly #closeEpoch: StatementSync
  readonly #openEpoch: StatementSync

  constructor(database: DatabaseSync) {
    this.#findSession = new Query(database, FIND_SESSION)
    this.#findTombstone = new Query(database, FIND_TOMBSTONE)
    this.#findTaken = new Query(database, IS_TAKEN)
    this.#ofUser = new Query(database, `${SELECT_SESSIONS} WHERE s.user_id = ? ORDER BY s.number`)
    this.#listOfUser = new Query(database, LIST_SESSIONS)
    this.#outlived = new Query(database, OUTLIVED)
    this.#overdue = new Query(database, OVERDUE)
    this.#currentEpoch = new Query(database, 'SELECT number, nonce FROM epochs ORDER BY number DESC LIMIT 1')
    this.#userEpoch = new Query(database, FIND_USER_EPOCH)
    this.#insertSession = database.prepare(INSERT_SESSION)
    this.#deleteSession = database.prepare('DELETE FROM sessions WHERE number = ?')
    this.#insertTombstone = database.prepare('INSERT INTO tombstones VALUES (?, ?, ?, ?, ?, ?)')
    this.#removeTombstones = database.prepare(REMOVE_TOMBSTONES)
    this.#updateData = database.prepare(UPDATE_DATA)
    this.#updateRotation = database.prepare('UPDATE sessions SET revision = ?, rotation = ? WHERE number = ?')
    this.#updateLastSeen = database.prepare('UPDATE sessions SET last_seen_at = ? WHERE number = ?')
    this.#updateEpochs = database.prepare('UPDATE sessions SET epoch = ? WHERE user_id = ?')
    this.#setUserEpoch = database.prepare(SET_USER_EPOCH)
    this.#closeEpoch = database.prepare('UPDATE epochs SET reason = ?, ended_at = ? WHERE number = ?')
    this.#openEpoch = database.prepare('INSERT INTO epochs (number, nonce) VALUES (?, ?)')
  }

  /** Whether the id is taken: live, ended, or past a deadline that nobody has noticed. */
  has(id: SessionId): boolean {
    return this.#findTaken.get(id, id) !== null
  }

  /** The live session of this id. One that is over is ended for good first, so that no step of the clock revives it (EXP-10). */
  live(id: SessionId, now: number): StoredSession | null {
    const row = this.#findSession.get(id)
    const session = row && new StoredSession(row)
    return !session || this.#endIfOver(session, now) ? null : session
  }

  tombstone(id: SessionId): Tombstone | null {
    const row = this.#findTombstone.get(id)
    return row && toTombstone(row)
  }

  /** The user's live sessions in the order in which they were stored. */
  liveOf(userId: string, now: number): StoredSession[] {
    return this.#ofUser
      .all(toText(userId))
      .map((row) => new StoredSession(row))
      .filter((session) => this.#endIfOver(session, now) === null)
  }

  /** Up to `limit` of the user's sessions after `place`, newest first. Call `liveOf` before: this one judges nobody. */
  listOf(userId: string, place: readonly [createdAt: number, id: string], limit: number): StoredSession[] {
    return this.#listOfUser.all(toText(userId), ...place, limit).map((row) => new StoredSession(row))
  }

  insert(record: SessionRecord, operationIds: readonly string[]): void {
    this.#insertSession.run(
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
      this.#epoch().number,
      record.epoch,
      JSON.stringify(operationIds),
      JSON.stringify(record.data),
    )
  }

  updateData(session: StoredSession, change: DataChange): void {
    const { data, version, schemaVersion, operationId } = change
    const operationIds = [...session.operationIds, operationId].slice(-REMEMBERED_OPERATIONS)
    this.#updateData.run(
      JSON.stringify(data),
      version,
      schemaVersion,
      JSON.stringify(operationIds),
      session.number,
    )
  }

  updateRotation(session: StoredSession, next: Rotation): void {
    this.#updateRotation.run(next.revision, JSON.stringify(next), session.number)
  }

  updateLastSeen(session: StoredSession, at: number): void {
    this.#updateLastSeen.run(at, session.number)
  }

  end(session: StoredSession, { at, reason }: End, successor: Successor | null): Ended {
    const { number, id, userText, userId } = session
    this.#deleteSession.run(number)
    const replacedByUser = toText(successor?.userId ?? null)
    this.#insertTombstone.run(id, at, toText(reason), userText, successor?.id ?? null, replacedByUser)
    return { id, userId, reason }
  }

  /** What a record made now carries: equal on all sessions that neither an end of their user nor one of everyone has reached. */
  epochFor(userId: string | null, nonce: string): string {
    if (userId === null) return this.#epoch().nonce
    const known = this.#userEpoch.get(toText(userId))
    if (known) return joinEpochs(known)
    this.#setUserEpoch.run(toText(userId), nonce)
    return joinEpochs([this.#epoch().nonce, nonce])
  }

  /** A new epoch for the user, which the sessions still there take on. */
  renewEpoch(userId: string, nonce: string): void {
    this.#setUserEpoch.run(toText(userId), nonce)
    this.#updateEpochs.run(joinEpochs([this.#epoch().nonce, nonce]), toText(userId))
  }

  /** Closes the global epoch: every session stored so far is over. */
  endEpoch(reason: EndReason, { now, nonce }: Stamp): void {
    const { number } = this.#epoch()
    this.#closeEpoch.run(toText(reason), now, number)
    this.#openEpoch.run(number + 1, nonce)
  }

  /** Ends up to `limit` sessions that are over. */
  sweepSessions(limit: number, now: number): Ended[] {
    const { number } = this.#epoch()
    const outlived = this.#outlived.all(number, limit)
    const overdue = this.#overdue.all(number, now, limit - outlived.length)
    return [...outlived, ...overdue]
      .map((row) => this.#endIfOver(new StoredSession(row), now))
      .filter((ended) => ended !== null)
  }

  /** Removes up to `limit` tombstones that were made at `until` or before; answers how many. */
  sweepTombstones(limit: number, until: number): number {
    return Number(this.#removeTombstones.run(until, limit).changes)
  }

  #endIfOver(session: StoredSession, now: number): Ended | null {
    const over = session.overBy(now)
    return over && this.end(session, over, null)
  }

  #epoch(): { readonly number: number; readonly nonce: string } {
    const row = this.#currentEpoch.get()
    if (!row) throw new Error('The table of epochs is empty.')
    return { number: row[0], nonce: row[1] }
  }
}

export type DataChange = Pick<SessionRecord, 'data' | 'version' | 'schemaVersion'> & {
  readonly operationId: string
}

/** The session that takes the place of an ended one. */
export type Successor = Pick<SessionRecord, 'id' | 'userId'>

/** A record's epoch: that of everyone, then that of its user. */
export function joinEpochs([everyone, user]: readonly [string, string]): string {
  return `${everyone}.${user}`
}

const IS_TAKEN = `
  SELECT 1 WHERE EXISTS (SELECT 1 FROM sessions WHERE id = ?) OR EXISTS (SELECT 1 FROM tombstones WHERE id = ?)
`

const OUTLIVED = `${SELECT_SESSIONS} WHERE s.epoch_number < ? ORDER BY s.epoch_number, s.deadline LIMIT ?`

const OVERDUE = `${SELECT_SESSIONS} WHERE s.epoch_number = ? AND s.deadline <= ? ORDER BY s.deadline LIMIT ?`

const INSERT_SESSION = `
  INSERT INTO sessions (
    id, user_id, replaces, created_at, authenticated_at, last_seen_at, idle_timeout, expires_at, lifetime, transport,
    authentication, device, schema_version, version, revision, rotation, epoch_number, epoch, operation_ids, data
  ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
`

const UPDATE_DATA = `
  UPDATE sessions SET data = ?, version = ?, schema_version = ?, operation_ids = ? WHERE number = ?
`

const REMOVE_TOMBSTONES = `
  DELETE FROM tombstones WHERE id IN (SELECT id FROM tombstones WHERE ended_at <= ? ORDER BY ended_at LIMIT ?)
`

const SET_USER_EPOCH = `
  INSERT INTO users (user_id, epoch) VALUES (?, ?) ON CONFLICT (user_id) DO UPDATE SET epoch = excluded.epoch
`
