import { toBase64Url } from '../core/encoding.ts'
import type { Rotation, SessionId } from '../core/record.ts'
import type { MutateOptions, NewSession, ReplaceOptions, RotationChange } from '../core/store.ts'
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
