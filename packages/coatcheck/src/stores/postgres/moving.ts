import { UsageError } from '../../core/errors.ts'
import type { PreviousSecret, Rotation, SessionRecord, Tombstone } from '../../core/record.ts'
import type { AdoptResult, Live, ScanResult } from '../../core/store.ts'
import { toRecord, toTombstone } from './answers.ts'
import { fromText, toText } from './text.ts'

/** What `scan` answers: `next` is the first id of the next page. */
export interface ScanAnswer {
  readonly sessions: readonly SessionRecord[]
  readonly tombstones: readonly Tombstone[]
  readonly next: string | null
  readonly now: number
}

export function toScanResult({ sessions, tombstones, next, now }: ScanAnswer): ScanResult {
  return {
    sessions: sessions.map(toRecord),
    tombstones: tombstones.map((tombstone) => toTombstone(tombstone) as Tombstone),
    cursor: next === null ? null : CURSOR + fromText(next),
    now,
  }
}

/** The id that a page begins with. Throws `ERR_USAGE` for a cursor that no scan has answered with. */
export function fromScanCursor(cursor: string | null): string {
  if (cursor === null) return ''
  if (cursor.startsWith(CURSOR)) return toText(cursor.slice(CURSOR.length))
  throw new UsageError('ERR_USAGE', 'The cursor is not one that scan() has answered with.')
}

const CURSOR = 'from:'

export function adoptParameters({ record, now }: Live, ifEpoch: string | null) {
  return {
    id: toText(record.id),
    user_id: toText(record.userId),
    replaces: toText(record.replaces),
    created_at: record.createdAt,
    authenticated_at: record.authenticatedAt,
    last_seen_at: record.lastSeenAt,
    idle_timeout: record.idleTimeout,
    expires_at: record.expiresAt,
    lifetime: record.lifetime,
    transport: record.transport,
    authentication: JSON.stringify(record.authentication),
    device: JSON.stringify(record.device),
    data: JSON.stringify(record.data),
    schema_version: record.schemaVersion,
    version: record.version,
    revision: record.rotation.revision,
    rotation: markedText(record.rotation),
    now,
    if_epoch: ifEpoch,
  }
}

export function toAdoptResult(answer: AdoptResult): AdoptResult {
  switch (answer.outcome) {
    case 'ok':
    case 'exists':
      return { ...answer, record: toRecord(answer.record) }
    case 'ended':
      return { ...answer, tombstone: toTombstone(answer.tombstone) as Tombstone }
    default:
      return answer
  }
}

export function tombstoneParameters(tombstone: Tombstone, now: number) {
  return {
    id: toText(tombstone.id),
    ended_at: tombstone.endedAt,
    reason: toText(tombstone.reason),
    user_id: toText(tombstone.userId),
    replaced_by: toText(tombstone.replacedBy),
    replaced_by_user_id: toText(tombstone.replacedByUserId),
    now,
  }
}

/** The JSON of a rotating half, with marks that no JSON holds around each instant: the server's clock moves them. */
function markedText(half: Rotation | PreviousSecret): string {
  const members = Object.entries(half).map(([key, value]) => {
    if (key === 'previous' && value !== null) return `"previous":${markedText(value as PreviousSecret)}`
    const text = JSON.stringify(value)
    return `${JSON.stringify(key)}:${INSTANTS.has(key) && value !== null ? MARK + text + MARK : text}`
  })
  return `{${members.join()}}`
}

const MARK = '\u0001'

const INSTANTS: ReadonlySet<string> = new Set([
  'rotatedAt',
  'handedOutAt',
  'usedAt',
  'windowStartedAt',
  'settledAt',
] satisfies (keyof Rotation | keyof PreviousSecret)[])
