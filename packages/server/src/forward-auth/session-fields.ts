import type { Environment, JsonFields, Session } from 'coatcheck'

/** Field of a session's data with its user's claims, as they were at the login or have been changed since. */
export const CLAIMS_FIELD = 'claims'

/**
 * Field with the time at which a user who was handed over, or signed in at an OpenID provider, proved who they are there, epoch
 * milliseconds. The library counts neither as a fresh proof; here all hosts are of one owner, who may go by that.
 */
export const PROVEN_FIELD = 'provenAt'

/** Fields that only the server itself may write. */
export const OWN_FIELDS: readonly string[] = Object.freeze([CLAIMS_FIELD, PROVEN_FIELD])

type AnySession = Session<JsonFields>

/** The claims of a session's user; `undefined`: it has none. */
export function claimsOf(session: AnySession): JsonFields | undefined {
  const claims: unknown = session.get(CLAIMS_FIELD)
  return typeof claims === 'object' && claims !== null && !Array.isArray(claims)
    ? (claims as JsonFields)
    : undefined
}

/** Whether the session's user proved who they are within so many milliseconds, here or where they were handed over from. */
export function isProven(session: AnySession, within: number, environment: Environment): boolean {
  if (session.isFresh(within)) return true
  const at: unknown = session.get(PROVEN_FIELD)
  if (typeof at !== 'number') return false
  const age = environment.now() - at
  return age >= 0 && age <= within
}

/** When a session's user proved who they are, epoch milliseconds: by the session's own proof, else elsewhere. */
export function provenAt(
  authenticatedAt: number | null,
  elsewhere: unknown,
  createdAt: number | null,
): number {
  return authenticatedAt ?? (typeof elsewhere === 'number' ? elsewhere : (createdAt ?? 0))
}
