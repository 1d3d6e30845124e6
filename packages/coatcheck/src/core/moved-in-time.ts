import type { Rotation, SessionRecord } from './record.ts'

/** The record with every instant moved by `by` milliseconds: from one store's clock to another's. */
export function movedInTime(record: SessionRecord, by: number): SessionRecord {
  const { authenticatedAt } = record
  return {
    ...record,
    rotation: rotationMovedInTime(record.rotation, by),
    createdAt: record.createdAt + by,
    authenticatedAt: authenticatedAt === null ? null : authenticatedAt + by,
    lastSeenAt: record.lastSeenAt + by,
    expiresAt: record.expiresAt + by,
  }
}

function rotationMovedInTime(rotation: Rotation, by: number): Rotation {
  const { previous } = rotation
  const moved = (instant: number | null) => (instant === null ? null : instant + by)
  return {
    ...rotation,
    rotatedAt: rotation.rotatedAt + by,
    previous: previous && {
      ...previous,
      handedOutAt: previous.handedOutAt + by,
      usedAt: moved(previous.usedAt),
      windowStartedAt: moved(previous.windowStartedAt),
      settledAt: moved(previous.settledAt),
    },
  }
}
