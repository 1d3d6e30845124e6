import { DelegatingStore } from '../../../src/core/delegating-store.ts'
import type { SessionId, SessionRecord } from '../../../src/core/record.ts'
import type { FindResult, NewSession, RotationChange, SessionStore, Touch } from '../../../src/core/store.ts'
import { type BrokenStore, broken } from './broken-store.ts'

export const activityFaults: readonly BrokenStore[] = [
  broken(
    'touch revives an ended session',
    /^P1 touch never revives an ended session/,
    true,
    class extends DelegatingStore {
      readonly #seen = new Map<SessionId, SessionRecord>()
      readonly #revived = new Set<SessionId>()
      override async create(session: NewSession) {
        const result = await super.create(session)
        if (result.outcome === 'ok') this.#seen.set(session.id, result.record)
        return result
      }
      override async touch(batch: readonly Touch[]) {
        for (const { id } of batch) if ((await super.find(id)).status === 'ended') this.#revived.add(id)
        return super.touch(batch)
      }
      override async find(id: SessionId): Promise<FindResult> {
        const found = await super.find(id)
        const record = this.#seen.get(id)
        if (found.status !== 'ended' || !this.#revived.has(id) || !record) return found
        return { status: 'live', record, now: found.now }
      }
    },
  ),

  broken(
    'touch moves the last use back',
    /^touch never moves the last use back/,
    true,
    class extends DelegatingStore {
      readonly #lastSeenAt = new Map<SessionId, number>()
      override async touch(batch: readonly Touch[]) {
        const { now } = await super.list('nobody', { limit: 1, cursor: null })
        for (const { id, ago } of batch) this.#lastSeenAt.set(id, now - ago)
        return super.touch(batch)
      }
      override async find(id: SessionId): Promise<FindResult> {
        const found = await super.find(id)
        const lastSeenAt = this.#lastSeenAt.get(id)
        if (found.status !== 'live' || lastSeenAt === undefined) return found
        return { ...found, record: { ...found.record, lastSeenAt } }
      }
    },
  ),

  broken(
    'a rotation that rides along wins whatever happened before',
    /^STO-10 a rotation that rides along is dropped on conflict/,
    true,
    class extends DelegatingStore {
      override async touch(batch: readonly Touch[]) {
        await super.touch(batch.map(({ id, ago }) => ({ id, ago })))
        for (const { id, rotation } of batch) if (rotation) await forceRotation(this.inner, id, rotation)
      }
    },
  ),

  broken(
    'rotate wins whatever the revision',
    /^STO-10 rotate answers conflict/,
    true,
    class extends DelegatingStore {
      override rotate(id: SessionId, change: RotationChange) {
        return forceRotation(this.inner, id, change)
      }
    },
  ),
]

async function forceRotation(store: SessionStore, id: SessionId, change: RotationChange) {
  const found = await store.find(id)
  const ifRevision = found.status === 'live' ? found.record.rotation.revision : change.ifRevision
  return store.rotate(id, { ...change, ifRevision })
}
