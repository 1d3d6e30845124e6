import { deadlines, expiredBy, type Limits } from '../../core/lifetimes.ts'
import type { EndReason, LifetimeKind, SessionId, SessionRecord, Transport } from '../../core/record.ts'
import { DamagedValue } from './failures.ts'
import { fromText, parseJson } from './text.ts'

/** Reads sessions with the end of their epoch, if it has ended, in the order of `SessionRow`. */
export const SELECT_SESSIONS = `
  SELECT
    s.number, s.operation_ids, e.reason, e.ended_at,
    s.id, s.rotation, s.user_id, s.replaces, s.created_at, s.authenticated_at, s.last_seen_at, s.idle_timeout,
    s.expires_at, s.lifetime, s.transport, s.authentication, s.device, s.data, s.schema_version, s.version, s.epoch
  FROM sessions s JOIN epochs e ON e.number = s.epoch_number
`

export type SessionRow = readonly [
  number: number,
  operationIds: string,
  epochReason: string | null,
  epochEndedAt: number | null,
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
  epoch: string,
]

/** When and why a session stopped. */
export interface End {
  readonly at: number
  readonly reason: EndReason
}

/** A row of `sessions`; JSON is read only where it is asked for. */
export class StoredSession {
  /** Primary key of the row. */
  readonly number: number
  readonly id: SessionId
  /** As the column has it, see `toText`. */
  readonly userText: string | null
  readonly #row: SessionRow
  #record: SessionRecord | null = null

  constructor(row: SessionRow) {
    this.#row = row
    this.number = row[0]
    this.id = row[4] as SessionId
    this.userText = row[6]
  }

  get userId(): string | null {
    return fromText(this.userText)
  }

  get lastSeenAt(): number {
    return this.#row[10]
  }

  get record(): SessionRecord {
    this.#record ??= toRecord(this.#row)
    return this.#record
  }

  /** The latest writes, oldest first. */
  get operationIds(): readonly unknown[] {
    const ids = parseJson(this.#row[1])
    if (Array.isArray(ids)) return ids
    throw new DamagedValue('The ids of operations are not a list.')
  }

  /** Why and since when the session is over at `now`, or `null` while it lives. After an end of everyone, the clock of that moment decides. */
  overBy(now: number): End | null {
    const [, , epochReason, epochEndedAt] = this.#row
    const epochEnd = epochReason === null ? null : { at: epochEndedAt ?? now, reason: fromText(epochReason) }
    const limits: Limits = { lastSeenAt: this.#row[10], idleTimeout: this.#row[11], expiresAt: this.#row[12] }
    const reason = expiredBy(limits, epochEnd?.at ?? now)
    return reason ? { at: deadlines(limits)[reason], reason } : epochEnd
  }
}

function toRecord(row: SessionRow): SessionRecord {
  const [, , , , id, rotation, userId, replaces, createdAt, authenticatedAt, lastSeenAt, idleTimeout] = row
  const [, , , , , , , , , , , , expiresAt, lifetime, transport, authentication, device, data] = row
  const [parsedRotation, parsedAuthentication, parsedDevice, parsedData] = parseObjects(
    rotation,
    authentication,
    device,
    data,
  )
  return {
    id: id as SessionId,
    rotation: parsedRotation as SessionRecord['rotation'],
    userId: fromText(userId),
    replaces: replaces as SessionId | null,
    createdAt,
    authenticatedAt,
    lastSeenAt,
    idleTimeout,
    expiresAt,
    lifetime: lifetime as LifetimeKind,
    transport: transport as Transport,
    authentication: parsedAuthentication as SessionRecord['authentication'],
    device: parsedDevice as SessionRecord['device'],
    data: parsedData as SessionRecord['data'],
    schemaVersion: row[18],
    version: row[19],
    epoch: row[20],
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
