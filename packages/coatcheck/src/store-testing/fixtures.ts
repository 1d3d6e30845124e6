import { toBase64Url } from '../core/encoding.ts'
import { newRecord } from '../core/new-record.ts'
import type { PreviousSecret, Rotation, SessionId, SessionRecord, Tombstone } from '../core/record.ts'
import type { Live, MutateOptions, NewSession, ReplaceOptions, RotationChange } from '../core/store.ts'
import { partitionOfUser } from '../core/token.ts'

/** Lifetimes of the sessions in these cases; much longer than any clock's imprecision. */
export const IDLE = 30 * 60_000
export const ABSOLUTE = 12 * 3_600_000

/** A limit that no case reaches by accident. */
export const ROOMY = 100_000

/** The `n`th id: as long, and as far from its neighbours, as ids in earnest. */
export function sessionId(n: number): SessionId {
  return toBase64Url(mixedBytes(n, 16)) as SessionId
}

/** The `n`th id as one of a session of this user: in the partition of the user. */
export function sessionIdOf(n: number, userId: string | null): SessionId {
  const bytes = mixedBytes(n, 16)
  if (userId !== null) bytes[0] = partitionOfUser(userId)
  return toBase64Url(bytes) as SessionId
}

/** What stands for the hash of the `n`th secret. */
export function secretHash(n: number): string {
  return toBase64Url(mixedBytes(0x5ec2e7 + n, 32))
}

/** The `n`th session: anonymous and empty unless `overrides` says otherwise. */
export function newSession(n: number, overrides: Partial<NewSession> = {}): NewSession {
  const userId = overrides.userId ?? null
  return {
    id: sessionId(n),
    secretHash: secretHash(n),
    userId,
    lifetime: userId === null ? 'anonymous' : 'signedIn',
    idleTimeout: IDLE,
    absoluteTimeout: ABSOLUTE,
    authenticated: userId !== null,
    authentication: { methods: userId === null ? [] : ['pwd'], level: null },
    transport: 'cookie',
    device: { userAgent: 'Test/1.0', address: null, label: null },
    data: {},
    schemaVersion: 1,
    ...overrides,
  }
}

export function mutateOptions(operationId: string, overrides: Partial<MutateOptions> = {}): MutateOptions {
  return { operationId, maxBytes: ROOMY, ...overrides }
}

export function replaceOptions(operationId: string, overrides: Partial<ReplaceOptions> = {}): ReplaceOptions {
  return {
    operationId,
    reason: 'replaced',
    requireOld: false,
    carry: [],
    operations: [],
    maxBytes: ROOMY,
    limit: null,
    ifEpoch: null,
    ...overrides,
  }
}

/** The next state of a rotating half, with every part different from before. */
export function nextRotation(rotation: Rotation, n: number): RotationChange {
  const at = rotation.rotatedAt + 1_000
  return {
    ifRevision: rotation.revision,
    next: {
      revision: rotation.revision + 1,
      generation: rotation.generation + 1,
      secretHash: secretHash(n),
      rotatedAt: at,
      previous: {
        secretHash: rotation.secretHash,
        salt: toBase64Url(mixedBytes(n, 16)),
        keySlot: n % 16,
        handedOutAt: at + 15_000,
        usedAt: n % 2 === 0 ? null : at + 1,
        windows: n % 9,
        windowStartedAt: n % 2 === 0 ? null : at + 2,
        settledAt: null,
        context: `context ${n}`,
      },
    },
  }
}

/** What the clock of another store says: years behind those of the stores in these cases. */
export const THERE = 1_000_000_000_000

/** The `n`th session as another store has it: in the midst of its life, rotated, written to, with nothing left at its default. */
export function sessionElsewhere(n: number, overrides: Partial<SessionRecord> = {}): Live {
  const userId = overrides.userId ?? null
  const created = newRecord(newSession(n, { id: sessionIdOf(n, userId), userId, schemaVersion: 3 }), {
    now: THERE - 3_600_000,
    epoch: 'an epoch of the other store',
    replaces: sessionIdOf(n + 1_000_000, userId),
    data: { zebra: [1, { b: null, a: 'ä' }], apple: 'one', '2': -0.5, '1': {} },
  })
  const { next } = nextRotation(created.rotation, n)
  const previous = next.previous as PreviousSecret
  const at = next.rotatedAt
  const record: SessionRecord = {
    ...created,
    rotation: {
      ...next,
      revision: 7,
      generation: 3,
      previous: { ...previous, windows: 2, usedAt: at + 2, windowStartedAt: at + 3, settledAt: at + 4 },
    },
    authenticatedAt: userId === null ? null : THERE - 3_000_000,
    lastSeenAt: THERE - 60_000,
    transport: 'bearer',
    authentication: { methods: ['pwd', 'otp'], level: 'urn:level:2' },
    device: { userAgent: 'Elsewhere/2.0', address: '192.0.2.0/24', label: 'a label' },
    version: 41,
    ...overrides,
  }
  return { record, now: THERE }
}

/** What another store has of a session that ended there a moment ago. */
export function tombstoneElsewhere(id: SessionId, overrides: Partial<Tombstone> = {}): Tombstone {
  return {
    id,
    endedAt: THERE - 1_000,
    reason: 'logout',
    userId: null,
    replacedBy: null,
    replacedByUserId: null,
    ...overrides,
  }
}

/** Bytes that follow from `n` and look like nothing (splitmix32). */
function mixedBytes(n: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = Math.imul(n + 1, 0x9e3779b1) >>> 0
  for (let i = 0; i < length; i++) {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    bytes[i] = (mixed ^ (mixed >>> 15)) >>> 8
  }
  return bytes
}
