import { deadlines, expiredBy } from '../../core/lifetimes.ts'
import type { EndReason, LifetimeKind, SessionId, SessionRecord, Transport } from '../../core/record.ts'
import { DamagedValue } from './failures.ts'
import { fromText, parseJson } from './text.ts'

/** Reads sessions, and what has ended their epochs, in the order of `SessionRow`. */
export const SELECT_SESSIONS = `
  SELECT
    s.number, s.operation_ids, s.id, s.rotation, s.user_id, s.replaces, s.created_at, s.authenticated_at,
    s.last_seen_at, s.idle_timeout, s.expires_at, s.lifetime, s.transport, s.authentication, s.device, s.data,
    s.schema_version, s.version, s.user_epoch, e.nonce, e.reason, e.ended_at,
    u.epoch AS user_end_epoch, u.reason AS user_end_reason, u.ended_at AS user_ended_at
  FROM sessions s
  JOIN epochs e ON e.number = s.epoch_number
  LEFT JOIN user_ends u ON u.user_id = s.user_id
`

/** Conditions on `SELECT_SESSIONS`: whether an end of all sessions of its user has reached the session. */
export const ENDED_WITH_USER = '(u.epoch IS NOT NULL AND u.epoch IS NOT s.user_epoch)'
export const NOT_ENDED_WITH_USER = `NOT ${ENDED_WITH_USER}`

export type SessionRow = readonly [
  number: number,
  operationIds: string,
  id: string,
  rotation: string,
  userId: string | null,
  replaces: string | null,
  createdAt: number,
  authenticatedAt: number | null,
  lastSeenAt: number,
  idleTimeout: number,
  expiresAt: number,
  lifetime: string,
  transport: string,
  authentication: string,
  device: string,
  data: string,
  schemaVersion: number,
  version: number,
  userEpoch: string | null,
  everyoneEpoch: string,
  everyoneReason: string | null,
  everyoneEndedAt: number | null,
  userEndEpoch: string | null,
  userEndReason: string | null,
  userEndedAt: number | null,
]

/** When and why a session stopped. */
export interface End {
  readonly at: number
  readonly reason: EndReason
  /** Whether the call that ended it, together with others, has told so already. */
  readonly reported: boolean
}

/** Epoch of a record: that of everyone, then that of its user. */
export function joinEpochs(everyone: string, user: string): string {
  return `${everyone}.${user}`
}

/** A row of `sessions`; JSON is read only where it is asked for. */
export class StoredSession {
  readonly #columns: Columns
  #record: SessionRecord | null = null

  constructor(row: SessionRow) {
    this.#columns = toColumns(row)
  }

  /** Primary key of the row. */
  get number(): number {
    return this.#columns.number
  }

  get id(): SessionId {
    return this.#columns.id as SessionId
  }

  /** As the column has it, see `toText`. */
  get userText(): string | null {
    return this.#columns.userId
  }

  get userId(): string | null {
    return fromText(this.#columns.userId)
  }

  get createdAt(): number {
    return this.#columns.createdAt
  }

  get lastSeenAt(): number {
    return this.#columns.lastSeenAt
  }

  get record(): SessionRecord {
    this.#record ??= toRecord(this.#columns)
    return this.#record
  }

  /** The latest writes, oldest first. */
  get operationIds(): readonly unknown[] {
    const ids = parseJson(this.#columns.operationIds)
    if (Array.isArray(ids)) return ids
    throw new DamagedValue('The ids of operations are not a list.')
  }

  /**
   * Why and since when the session is over at `now`, or `null` while it lives. After an end of everyone, the clock of
   * that moment decides about the deadlines; an end of the user has spared what was over before.
   */
  overBy(now: number): End | null {
    const withUser = endOfUser(this.#columns)
    if (withUser) return withUser
    const withEveryone = endOfEveryone(this.#columns)
    const reason = expiredBy(this.#columns, withEveryone?.at ?? now)
    if (!reason) return withEveryone
    return { at: deadlines(this.#columns)[reason], reason, reported: false }
  }
}

type Columns = ReturnType<typeof toColumns>

/** Names for the row; two thirds of the time that SQLite takes to make objects with names. */
function toColumns(row: SessionRow) {
  const [
    number,
    operationIds,
    id,
    rotation,
    userId,
    replaces,
    createdAt,
    authenticatedAt,
    lastSeenAt,
    idleTimeout,
    expiresAt,
    lifetime,
    transport,
    authentication,
    device,
    data,
    schemaVersion,
    version,
    userEpoch,
    everyoneEpoch,
    everyoneReason,
    everyoneEndedAt,
    userEndEpoch,
    userEndReason,
    userEndedAt,
  ] = row
  return {
    number,
    operationIds,
    id,
    rotation,
    userId,
    replaces,
    createdAt,
    authenticatedAt,
    lastSeenAt,
    idleTimeout,
    expiresAt,
    lifetime,
    transport,
    authentication,
    device,
    data,
    schemaVersion,
    version,
    userEpoch,
    everyoneEpoch,
    everyoneReason,
    everyoneEndedAt,
    userEndEpoch,
    userEndReason,
    userEndedAt,
  }
}

/** Of all sessions of a user whose epoch is another than the user's. */
function endOfUser({ userEpoch, userEndEpoch, userEndReason, userEndedAt }: Columns): End | null {
  if (userEndReason === null || userEndedAt === null || userEndEpoch === userEpoch) return null
  return { at: userEndedAt, reason: fromText(userEndReason), reported: true }
}

function endOfEveryone({ everyoneReason, everyoneEndedAt }: Columns): End | null {
  if (everyoneReason === null || everyoneEndedAt === null) return null
  return { at: everyoneEndedAt, reason: fromText(everyoneReason), reported: false }
}

function toRecord(columns: Columns): SessionRecord {
  const { everyoneEpoch, userEpoch } = columns
  const [rotation, authentication, device, data] = parseObjects(
    columns.rotation,
    columns.authentication,
    columns.device,
    columns.data,
  )
  return {
    id: columns.id as SessionId,
    rotation: rotation as SessionRecord['rotation'],
    userId: fromText(columns.userId),
    replaces: columns.replaces as SessionId | null,
    createdAt: columns.createdAt,
    authenticatedAt: columns.authenticatedAt,
    lastSeenAt: columns.lastSeenAt,
    idleTimeout: columns.idleTimeout,
    expiresAt: columns.expiresAt,
    lifetime: columns.lifetime as LifetimeKind,
    transport: columns.transport as Transport,
    authentication: authentication as SessionRecord['authentication'],
    device: device as SessionRecord['device'],
    data: data as SessionRecord['data'],
    schemaVersion: columns.schemaVersion,
    version: columns.version,
    epoch: userEpoch === null ? everyoneEpoch : joinEpochs(everyoneEpoch, userEpoch),
  }
}

/** The JSON texts of several columns, each an object, read in one go: cheaper than one by one. */
function parseObjects(...texts: readonly string[]): readonly unknown[] {
  const values = parseJson(`[${texts.join(',')}]`)
  if (Array.isArray(values) && values.length === texts.length && values.every(isObject)) return values
  throw new DamagedValue('A column of JSON holds something else than an object.')
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
