import { UsageError } from '../../core/errors.ts'
import type { SessionRecord, Tombstone } from '../../core/record.ts'
import { isSessionId } from '../../core/token.ts'
import {
  anyObject,
  arrayOf,
  exactly,
  finiteNumber,
  isObject,
  nullOr,
  object,
  oneOfWords,
  type Shape,
  text,
  wholeCount,
} from './shapes.ts'

/** One entry of an export: plain JSON. */
export type ExportedSession = {
  readonly version: 1
  /** The clock of the store that it comes from, by which its instants are to be read. */
  readonly now: number
  /** The wall clock of whoever exported, by which whoever imports knows how long it has been on its way. */
  readonly exportedAt: number
} & ({ readonly session: SessionRecord } | { readonly tombstone: Tombstone })

/** The entry that this is, checked to the last field, or `ERR_USAGE` with its number and none of its content. */
export function readEntry(item: unknown, number: number): ExportedSession {
  const entry = asJson(item)
  const fault = isObject(entry) && 'tombstone' in entry ? TOMBSTONE(entry, 'entry') : SESSION(entry, 'entry')
  if (fault === null) return entry as ExportedSession
  throw new UsageError('ERR_USAGE', `Entry ${number} of the import is no exported session: ${fault}.`)
}

/** A line, or an object as it would be on one; `undefined` where it is no JSON. The parser's own message would quote the line. */
function asJson(item: unknown): unknown {
  try {
    return JSON.parse(typeof item === 'string' ? item : JSON.stringify(item))
  } catch {
    return undefined
  }
}

const sessionId: Shape = (value, path) => (isSessionId(value) ? null : `${path} is no session id`)

const previousSecret = object({
  secretHash: text,
  salt: text,
  keySlot: wholeCount,
  handedOutAt: finiteNumber,
  usedAt: nullOr(finiteNumber),
  windows: wholeCount,
  windowStartedAt: nullOr(finiteNumber),
  settledAt: nullOr(finiteNumber),
  context: text,
} satisfies Record<keyof NonNullable<SessionRecord['rotation']['previous']>, Shape>)

const rotation = object({
  revision: wholeCount,
  generation: wholeCount,
  secretHash: text,
  rotatedAt: finiteNumber,
  previous: nullOr(previousSecret),
} satisfies Record<keyof SessionRecord['rotation'], Shape>)

const session = object({
  id: sessionId,
  rotation,
  userId: nullOr(text),
  replaces: nullOr(sessionId),
  createdAt: finiteNumber,
  authenticatedAt: nullOr(finiteNumber),
  lastSeenAt: finiteNumber,
  idleTimeout: finiteNumber,
  expiresAt: finiteNumber,
  lifetime: oneOfWords(['anonymous', 'signedIn', 'remembered']),
  transport: oneOfWords(['cookie', 'bearer']),
  authentication: object({ methods: arrayOf(text), level: nullOr(text) }),
  device: object({ userAgent: nullOr(text), address: nullOr(text), label: nullOr(text) }),
  data: anyObject,
  schemaVersion: wholeCount,
  version: wholeCount,
  epoch: text,
} satisfies Record<keyof SessionRecord, Shape>)

const tombstone = object({
  id: sessionId,
  endedAt: finiteNumber,
  reason: text,
  userId: nullOr(text),
  replacedBy: nullOr(sessionId),
  replacedByUserId: nullOr(text),
} satisfies Record<keyof Tombstone, Shape>)

const HEAD = { version: exactly(1), now: finiteNumber, exportedAt: finiteNumber }
const SESSION = object({ ...HEAD, session })
const TOMBSTONE = object({ ...HEAD, tombstone })
