import { deepFreeze } from '../core/data-schema.ts'
import { toBase64Url } from '../core/encoding.ts'
import type { Json, JsonFields } from '../core/json.ts'
import type { LifetimeKind, PreviousSecret, SessionId, SessionRecord, Transport } from '../core/record.ts'

/** A record without what is kept beside its text. */
type Head = readonly [
  revision: number,
  generation: number,
  secretHash: string,
  rotatedAt: number,
  previous: PreviousSecret | null,
  replaces: SessionId | null,
  createdAt: number,
  authenticatedAt: number | null,
  idleTimeout: number,
  expiresAt: number,
  lifetime: LifetimeKind,
  transport: Transport,
  methods: readonly string[],
  level: string | null,
  userAgent: string | null,
  address: string | null,
  label: string | null,
  schemaVersion: number,
  version: number,
  epoch: string,
  data: JsonFields,
]

/** The record as one JSON text without names, which takes a third of the room that its objects do. */
export function toRecordText(record: SessionRecord): string {
  const { rotation, authentication, device } = record
  const head: Head = [
    rotation.revision,
    rotation.generation,
    rotation.secretHash,
    rotation.rotatedAt,
    rotation.previous,
    record.replaces,
    record.createdAt,
    record.authenticatedAt,
    record.idleTimeout,
    record.expiresAt,
    record.lifetime,
    record.transport,
    authentication.methods,
    authentication.level,
    device.userAgent,
    device.address,
    device.label,
    record.schemaVersion,
    record.version,
    record.epoch,
    record.data,
  ]
  return JSON.stringify(head)
}

/** What is known of a record without reading its text. */
interface Beside {
  readonly id: Uint8Array
  readonly userId: string | null
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

function fromRecordText(text: string, beside: Beside): SessionRecord {
  const head = JSON.parse(text) as Head
  const record: SessionRecord = {
    id: toBase64Url(beside.id) as SessionId,
    rotation: {
      revision: head[0],
      generation: head[1],
      secretHash: head[2],
      rotatedAt: head[3],
      previous: head[4],
    },
    userId: beside.userId,
    replaces: head[5],
    createdAt: head[6],
    authenticatedAt: head[7],
    lastSeenAt: beside.lastSeenAt,
    idleTimeout: head[8],
    expiresAt: head[9],
    lifetime: head[10],
    transport: head[11],
    authentication: { methods: head[12], level: head[13] },
    device: { userAgent: head[14], address: head[15], label: head[16] },
    schemaVersion: head[17],
    version: head[18],
    epoch: head[19],
    data: head[20],
  }
  return deepFreeze(record as unknown as Json) as unknown as SessionRecord
}
