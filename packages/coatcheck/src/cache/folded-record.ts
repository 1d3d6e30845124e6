import { deepFreeze } from '../core/data-schema.ts'
import { toBase64Url } from '../core/encoding.ts'
import type { Json, JsonFields } from '../core/json.ts'
import type { PreviousSecret, SessionId, SessionRecord } from '../core/record.ts'
import { type CommonPart, eraOf } from './common-part.ts'

/** A record without what is kept beside its text. Instants but the first are counted from that one. */
type Head = readonly [
  userId: string | null,
  revision: number,
  generation: number,
  secretHash: string,
  createdAt: number,
  rotated: number,
  authenticated: number | null,
  version: number,
  ownEpoch: string,
  data: JsonFields,
  previous?: PreviousSecret | null,
  replaces?: SessionId | null,
]

/** The record as one JSON text without names, which takes a third of the room that its objects do. */
export function toRecordText(record: SessionRecord): string {
  const { rotation, createdAt, authenticatedAt, replaces } = record
  const head: Head = [
    record.userId,
    rotation.revision,
    rotation.generation,
    rotation.secretHash,
    createdAt,
    rotation.rotatedAt - createdAt,
    authenticatedAt === null ? null : authenticatedAt - createdAt,
    record.version,
    record.epoch.slice(eraOf(record.epoch).length),
    record.data,
  ]
  const { previous } = rotation
  return JSON.stringify(previous || replaces ? [...head, previous, replaces] : head)
}

/** How the texts of this user's records begin, and no others. */
export function beginningOf(userId: string): string {
  return `[${JSON.stringify(userId)},`
}

/** What is known of a record without reading its text. */
interface Beside {
  readonly id: Uint8Array
  readonly common: CommonPart
  readonly lastSeenAt: number
}

/** A record that is read from its text when it is first asked for, and frozen through and through: requests share it. */
export class FoldedRecord {
  readonly #text: string
  readonly #beside: Beside
  #record: SessionRecord | null = null

  constructor(text: string, beside: Beside) {
    this.#text = text
    this.#beside = beside
  }

  get record(): SessionRecord {
    this.#record ??= fromRecordText(this.#text, this.#beside)
    return this.#record
  }
}

function fromRecordText(text: string, { id, common, lastSeenAt }: Beside): SessionRecord {
  const head = JSON.parse(text) as Head
  const [userId, revision, generation, secretHash, createdAt, rotated, authenticated] = head
  const [, , , , , , , version, ownEpoch, data, previous = null, replaces = null] = head
  const record: SessionRecord = {
    // What handlers ask for comes first, so that it lies together.
    userId,
    data,
    id: toBase64Url(id) as SessionId,
    rotation: { revision, generation, secretHash, rotatedAt: createdAt + rotated, previous },
    replaces,
    createdAt,
    authenticatedAt: authenticated === null ? null : createdAt + authenticated,
    lastSeenAt,
    idleTimeout: common.idleTimeout,
    expiresAt: createdAt + common.life,
    lifetime: common.lifetime,
    transport: common.transport,
    authentication: common.authentication,
    device: common.device,
    schemaVersion: common.schemaVersion,
    version,
    epoch: common.era + ownEpoch,
  }
  return deepFreeze(record as unknown as Json) as unknown as SessionRecord
}
