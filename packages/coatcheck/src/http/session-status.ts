import type { SessionId } from '../core/record.ts'
import type { Session } from './session.ts'

/** What the client of a browser needs to know of its session; to be sent as JSON, never to be stored by a cache. */
export interface SessionStatus {
  /** Whether a user is signed in. */
  readonly signedIn: boolean
  /** Public handle, `null` until something is stored. */
  readonly id: SessionId | null
  /** Whole seconds until the session ends for idleness unless it is used; `null` where nobody is signed in. */
  readonly idle: number | null
  /** Whole seconds until it ends in any case; `null` where nobody is signed in. */
  readonly absolute: number | null
  /** For the request header `x-csrf-token`. */
  readonly csrfToken: string
}

/**
 * The value of a status route, which opens the session in mode `peek`, so that asking is no activity, and answers with
 * `Cache-Control: no-store`. An application may add members of its own.
 */
export function sessionStatus(
  session: Pick<Session<unknown>, 'id' | 'userId' | 'remaining' | 'csrfToken'>,
): SessionStatus {
  const signedIn = session.userId !== null
  const remaining = signedIn ? session.remaining : null
  return {
    signedIn,
    id: session.id,
    idle: remaining && toSeconds(remaining.idle),
    absolute: remaining && toSeconds(remaining.absolute),
    csrfToken: session.csrfToken(),
  }
}

/** Response header with the seconds that are left: a dictionary (RFC 9651) of two whole numbers. */
export const EXPIRES_HEADER = 'session-expires'

/** The value of that header; zeros where nobody is signed in. */
export function serializeExpires(
  remaining: { readonly idle: number; readonly absolute: number } | null,
): string {
  return `idle=${toSeconds(remaining?.idle ?? 0)}, absolute=${toSeconds(remaining?.absolute ?? 0)}`
}

/** Downwards: who is told less acts in time. */
function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1_000)
}
