import type { JsonFields } from './json.ts'
import type { SessionId, SessionRecord } from './record.ts'
import type { NewSession } from './store.ts'

/** The record that a session starts as, in a store whose records are made in this process. */
export function newRecord(
  session: NewSession,
  at: {
    /** The store's clock. */
    readonly now: number
    readonly epoch: string
    /** The session that ends in favour of this one. */
    readonly replaces: SessionId | null
    /** Fields after carry-over, see `replacementData`. */
    readonly data: JsonFields
  },
): SessionRecord {
  const { now, epoch, replaces, data } = at
  return {
    id: session.id,
    rotation: { revision: 0, generation: 0, secretHash: session.secretHash, rotatedAt: now, previous: null },
    userId: session.userId,
    replaces,
    createdAt: now,
    authenticatedAt: session.authenticated ? now : null,
    lastSeenAt: now,
    idleTimeout: session.idleTimeout,
    expiresAt: now + session.absoluteTimeout,
    lifetime: session.lifetime,
    transport: session.transport,
    authentication: session.authentication,
    device: session.device,
    data,
    schemaVersion: session.schemaVersion,
    version: 0,
    epoch,
  }
}
