import type { JsonFields } from '../core/json.ts'
import type { Device, SessionId, SessionRecord } from '../core/record.ts'
import { toSessionInfo } from '../core/session-info.ts'
import { innerUsersOf } from '../core/user-ids.ts'

/** How the user ids of refresh families begin. */
export const FAMILY_USERS = innerUsersOf('refresh')

/** What a family of refresh tokens was granted: all that follow one another since one `issue`. */
export interface Grant {
  readonly sessionId: SessionId
  readonly clientId: string
  readonly scope: readonly string[]
  readonly audience: readonly string[]
  /** Of its access tokens, in milliseconds; `null`: the default. */
  readonly accessTokenLife: number | null
  /** Thumbprint of the key that the tokens are bound to; `null`: none. */
  readonly jkt: string | null
}

/** A family as people and programs may see it. Instants in epoch milliseconds. */
export interface RefreshFamily {
  /** Public handle; no credential. Access tokens carry it as `fam`. */
  readonly id: SessionId
  /** The session that it hangs on, and ends with. */
  readonly sessionId: SessionId
  readonly userId: string
  readonly clientId: string
  readonly scope: readonly string[]
  readonly audience: readonly string[]
  /** Whether it is bound to a key of the client's (DPoP). */
  readonly bound: boolean
  readonly createdAt: number
  readonly lastUsedAt: number
  readonly idleExpiresAt: number
  readonly expiresAt: number
  readonly device: Device
}

export function toFields(grant: Grant): JsonFields {
  return { ...grant, scope: [...grant.scope], audience: [...grant.audience] }
}

/** What a record of the inner manager was granted. Nobody else writes there. */
export function grantOf({ data }: SessionRecord): Grant {
  return data as unknown as Grant
}

/** The application's own id of a family's user, `null` for what is none of a family's. */
export function userOf({ userId }: { readonly userId: string | null }): string | null {
  return userId?.startsWith(FAMILY_USERS) ? userId.slice(FAMILY_USERS.length) : null
}

export function toFamily(record: SessionRecord): RefreshFamily {
  const { id, createdAt, lastSeenAt, idleExpiresAt, expiresAt, device } = toSessionInfo(record)
  const { sessionId, clientId, scope, audience, jkt } = grantOf(record)
  return Object.freeze({
    id,
    sessionId,
    userId: userOf(record) ?? '',
    clientId,
    scope,
    audience,
    bound: jkt !== null,
    createdAt,
    lastUsedAt: lastSeenAt,
    idleExpiresAt,
    expiresAt,
    device,
  })
}
