import type { Json, JsonFields } from '../../core/json.ts'
import type {
  LifetimeKind,
  Rotation,
  SessionId,
  SessionRecord,
  Tombstone,
  Transport,
} from '../../core/record.ts'
import type { NewSession } from '../../core/store.ts'

/** The rotating half, as it lies in Redis: a list without names. */
type RotationList = readonly [
  revision: number,
  generation: number,
  secretHash: string,
  rotatedAt: number,
  previous: PreviousList | null,
]

type PreviousList = readonly [
  secretHash: string,
  salt: string,
  keySlot: number,
  handedOutAt: number,
  usedAt: number | null,
  windows: number,
  windowStartedAt: number | null,
  settledAt: number | null,
  context: string,
]

/** Whether the session was authenticated when it was created, or in a list how much later, in milliseconds. */
type Authenticated = 0 | 1 | readonly [later: number]

/** What never changes about a session. */
type MetaList = readonly [
  lifetime: LifetimeKind,
  transport: Transport,
  authenticated: Authenticated,
  methods: readonly string[],
  level: string | null,
  userAgent: string | null,
  address: string | null,
  label: string | null,
]

/** A session as scripts answer with it. */
export type RecordList = readonly [
  id: SessionId,
  userId: string | null,
  era: string,
  userEpoch: string | null,
  createdAt: number,
  lastSeenAt: number,
  idleTimeout: number,
  expiresAt: number,
  version: number,
  schemaVersion: number,
  rotation: RotationList,
  meta: MetaList,
  replaces: SessionId | null,
  data: JsonFields,
]

/** A tombstone as scripts answer with it. */
export type TombstoneList = readonly [
  id: SessionId,
  endedAt: number,
  reason: string,
  userId: string | null,
  replacedBy: SessionId | null,
  replacedByUserId: string | null,
]

export function toRecord(list: RecordList): SessionRecord {
  const [id, userId, era, userEpoch, createdAt, lastSeenAt, idleTimeout, expiresAt, version, schemaVersion] =
    list
  const [, , , , , , , , , , rotation, meta, replaces, data] = list
  const [lifetime, transport, authenticated, methods, level, userAgent, address, label] = meta
  return {
    id,
    rotation: toRotation(rotation),
    userId,
    replaces,
    createdAt,
    authenticatedAt: authenticatedAt(createdAt, authenticated),
    lastSeenAt,
    idleTimeout,
    expiresAt,
    lifetime,
    transport,
    authentication: { methods, level },
    device: { userAgent, address, label },
    data,
    schemaVersion,
    version,
    epoch: userEpoch === null ? era : `${era}.${userEpoch}`,
  }
}

export function toTombstone(list: TombstoneList): Tombstone {
  const [id, endedAt, reason, userId, replacedBy, replacedByUserId] = list
  return { id, endedAt, reason, userId, replacedBy, replacedByUserId }
}

export function fromRotation({ revision, generation, secretHash, rotatedAt, previous: p }: Rotation): string {
  const before: PreviousList | null = p && [
    p.secretHash,
    p.salt,
    p.keySlot,
    p.handedOutAt,
    p.usedAt,
    p.windows,
    p.windowStartedAt,
    p.settledAt,
    p.context,
  ]
  return JSON.stringify([revision, generation, secretHash, rotatedAt, before] satisfies RotationList)
}

/** The same with every instant, between marks that no JSON holds, as what it is ahead of `now`. */
export function rotationAhead(rotation: Rotation, now: number): string {
  const { revision, generation, secretHash, rotatedAt, previous: p } = rotation
  const ahead = (instant: number | null) => (instant === null ? 'null' : `\u0001${instant - now}\u0001`)
  const before =
    p &&
    listText([
      JSON.stringify(p.secretHash),
      JSON.stringify(p.salt),
      String(p.keySlot),
      ahead(p.handedOutAt),
      ahead(p.usedAt),
      String(p.windows),
      ahead(p.windowStartedAt),
      ahead(p.settledAt),
      JSON.stringify(p.context),
    ])
  const whole = [String(revision), String(generation), JSON.stringify(secretHash), ahead(rotatedAt)]
  return listText([...whole, before ?? 'null'])
}

function listText(texts: readonly string[]): string {
  return `[${texts.join()}]`
}

export function metaOf(session: NewSession): string {
  return metaText(session, session.authenticated ? 1 : 0)
}

export function metaOfRecord(record: SessionRecord): string {
  const { createdAt, authenticatedAt: at } = record
  if (at === null) return metaText(record, 0)
  return metaText(record, at === createdAt ? 1 : [at - createdAt])
}

function metaText(session: NewSession | SessionRecord, authenticated: Authenticated): string {
  const { lifetime, transport, authentication, device } = session
  const meta: MetaList = [
    lifetime,
    transport,
    authenticated,
    authentication.methods,
    authentication.level,
    device.userAgent,
    device.address,
    device.label,
  ]
  return JSON.stringify(meta)
}

function authenticatedAt(createdAt: number, authenticated: Authenticated): number | null {
  if (typeof authenticated === 'object') return createdAt + authenticated[0]
  return authenticated === 1 ? createdAt : null
}

/** Fields and values in turn, each as JSON. */
export function fieldTexts(data: JsonFields): string[] {
  return Object.entries(data).flatMap(([field, value]) => [JSON.stringify(field), jsonText(value)])
}

/** A value's JSON; what JSON knows no value for becomes `null`. */
export function jsonText(value: Json): string {
  return JSON.stringify(value) ?? 'null'
}

function toRotation([revision, generation, secretHash, rotatedAt, previous]: RotationList): Rotation {
  return { revision, generation, secretHash, rotatedAt, previous: previous && toPrevious(previous) }
}

function toPrevious(list: PreviousList): NonNullable<Rotation['previous']> {
  const [secretHash, salt, keySlot, handedOutAt, usedAt, windows, windowStartedAt, settledAt, context] = list
  return {
    secretHash,
    salt,
    keySlot,
    handedOutAt,
    usedAt,
    windows,
    windowStartedAt,
    settledAt,
    context,
  }
}
