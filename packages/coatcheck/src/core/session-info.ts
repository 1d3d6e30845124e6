import { deadlines } from './lifetimes.ts'
import type { Authentication, Device, LifetimeKind, SessionId, SessionRecord, Transport } from './record.ts'

/** A session as people and programs may see it: everything but what proves its possession, and its data (P6, CON-02). */
export interface SessionInfo {
  readonly id: SessionId
  readonly userId: string | null
  readonly createdAt: number
  readonly authenticatedAt: number | null
  readonly lastSeenAt: number
  readonly idleExpiresAt: number
  readonly expiresAt: number
  readonly lifetime: LifetimeKind
  readonly transport: Transport
  readonly authentication: Authentication
  readonly device: Device
}

export interface SessionPage {
  readonly sessions: readonly SessionInfo[]
  /** Where the next page starts; `null` at the end. */
  readonly cursor: string | null
}

export function toSessionInfo(record: SessionRecord): SessionInfo {
  const { id, userId, createdAt, authenticatedAt, lastSeenAt, expiresAt } = record
  const { lifetime, transport, authentication, device } = record
  const idleExpiresAt = deadlines(record).idle
  return Object.freeze({
    id,
    userId,
    createdAt,
    authenticatedAt,
    lastSeenAt,
    idleExpiresAt,
    expiresAt,
    lifetime,
    transport,
    authentication,
    device,
  })
}
