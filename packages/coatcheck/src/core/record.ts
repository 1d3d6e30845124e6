import type { Json, JsonFields } from './json.ts'

declare const sessionIdBrand: unique symbol

/** Public handle of a session: 16 bytes (1 partition, 15 random) as 22 characters of base64url. Not a credential. */
export type SessionId = string & { readonly [sessionIdBrand]: true }

/** Where a token travels. A token is accepted on its own transport only. */
export type Transport = 'cookie' | 'bearer'

/** Which of the configured lifetimes a session has. */
export type LifetimeKind = 'anonymous' | 'signedIn' | 'remembered'

/** Why a session stopped. `replaced` is a login or step-up that put a new session in its place. */
export type EndReason =
  | 'logout'
  | 'revoked'
  | 'idle'
  | 'absolute'
  | 'limit'
  | 'reuse'
  | 'replaced'
  | 'shared-rotation'
  | (string & {})

/**
 * The rotating half of a session (design section 6). `revision` grows with every change of this object, and all
 * changes are compare-and-set on it: rotation, hand-out of the successor, its first use, settling.
 */
export interface Rotation {
  readonly revision: number
  /** +1 at each rotation; the token carries it masked, modulo 65,536. */
  readonly generation: number
  /** SHA-256 over (kind, id, current secret), base64url. */
  readonly secretHash: string
  /** When the current secret was made (store clock). */
  readonly rotatedAt: number
  /** One step back, `null` before the first rotation. */
  readonly previous: PreviousSecret | null
}

/** What is kept of the superseded secret, enough to recognise it and to derive its successor again. */
export interface PreviousSecret {
  readonly secretHash: string
  /** Fresh randomness that went into the derivation, base64url. Useless without the old secret and the rotate key. */
  readonly salt: string
  readonly keySlot: number
  /** Until when hand-outs of the successor are accounted for (store clock); errs late, so that settling errs late. */
  readonly handedOutAt: number
  /** First use of the successor, `null` before. */
  readonly usedAt: number | null
  /** Grace windows with a hand-out after the successor's first use, and when the latest of them began. */
  readonly windows: number
  readonly windowStartedAt: number | null
  readonly settledAt: number | null
  /** Who rotated: compared with whom the successor is handed out to. */
  readonly context: string
}

/** How the user proved who they are. Names follow RFC 8176 (`amr`) and OpenID Connect (`acr`). */
export interface Authentication {
  readonly methods: readonly string[]
  readonly level: string | null
}

/** For people reading a device list; never a key to anything. Length-limited, address truncated unless configured. */
export interface Device {
  readonly userAgent: string | null
  readonly address: string | null
  readonly label: string | null
}

/** What a store persists for one session. All instants are epoch milliseconds of the store's clock. */
export interface SessionRecord {
  readonly id: SessionId
  readonly rotation: Rotation
  /** Whose session it is; opaque, owned by the application; `null` while anonymous. Set by login alone. */
  readonly userId: string | null
  readonly replaces: SessionId | null
  readonly createdAt: number
  readonly authenticatedAt: number | null
  readonly lastSeenAt: number
  /** Longest gap between two uses in milliseconds, one touch interval included. The idle deadline is `lastSeenAt + idleTimeout`. */
  readonly idleTimeout: number
  /** Absolute deadline. Nothing moves it. */
  readonly expiresAt: number
  readonly lifetime: LifetimeKind
  readonly transport: Transport
  readonly authentication: Authentication
  readonly device: Device
  readonly data: JsonFields
  /** Version of the application's schema that `data` was written under. */
  readonly schemaVersion: number
  /** +1 at each write of data. */
  readonly version: number
  /** Equals the user's and the global epoch at creation (design section 9); opaque. */
  readonly epoch: string
}

/** What remains of an ended session, so that *ended* and *never existed* are different answers. */
export interface Tombstone {
  readonly id: SessionId
  readonly endedAt: number
  readonly reason: EndReason
  readonly userId: string | null
  /** The session that took its place, and whose it is, where a login or step-up ended it. */
  readonly replacedBy: SessionId | null
  readonly replacedByUserId: string | null
}

/** One change of data, applied by the store to the value it finds, in order, all or nothing. */
export type Operation =
  | { readonly kind: 'set'; readonly field: string; readonly value: Json }
  | { readonly kind: 'delete'; readonly field: string }
  /** Adds to a number; an absent field counts as `initial`, then 0. */
  | { readonly kind: 'add'; readonly field: string; readonly amount: number; readonly initial?: number }
  /** Appends to an array; an absent field counts as `initial`, then `[]`. */
  | {
      readonly kind: 'append'
      readonly field: string
      readonly value: Json
      readonly initial?: readonly Json[]
    }
  /** Removes every element equal to `value` (same JSON, key order apart) from an array; an absent field stays absent unless `initial` has it. */
  | {
      readonly kind: 'remove'
      readonly field: string
      readonly value: Json
      readonly initial?: readonly Json[]
    }
  /** Compare-and-set on one field: sets `value` where the field's JSON equals `expected` (`undefined`: absent), else `conflict`. `value` undefined deletes. */
  | {
      readonly kind: 'swap'
      readonly field: string
      readonly expected: Json | undefined
      readonly value: Json | undefined
    }
