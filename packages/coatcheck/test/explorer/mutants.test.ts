import { describe, expect, it } from 'vitest'
import { DelegatingStore } from '../../src/core/delegating-store.ts'
import type { Operation, Rotation, SessionId } from '../../src/core/record.ts'
import type {
  EndOptions,
  EndResult,
  EndUserOptions,
  EndUserResult,
  FindResult,
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  ReplaceResult,
  RotateResult,
  RotationChange,
  Touch,
} from '../../src/core/store.ts'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { memoryStores } from './explorer-stores.ts'

/** What used to be done, and what each must be found out by. */
describe('the explorer finds', () => {
  it.each([
    ['a rotation that settles with the first use of the successor', SettlesAtFirstUse],
    ['a hand-out that is not recorded', ForgetsHandOuts],
    ['rotations that stack', StacksRotations],
    ['a write that brings an ended session back', Upserts],
    ['a touch that brings an ended session back', RevivesByTouch],
    ['a write that is acknowledged and lost', LosesWrites],
    ['a resent write that is applied twice', AppliesTwice],
    ['a login that leaves the old session alive', LeavesOldAlive],
    ['a login whose token is derived from the one before', DerivesAtLogin],
    ['a cookie that is cleared because its session has just been replaced', ForgetsReplacements],
    ['a login that carries what is not declared', CarriesEverything],
    ['late writes onto the session that took the place of theirs', FollowsReplacements],
    ['a logout that a step-up outlives', NeverFollows],
    ['a login that outlives the end of all sessions', IgnoresEpochs],
    ['a limit that is counted before, not while, the session is stored', CountsLimitTooEarly],
    ['an end of all sessions that misses the newest', MissesNewest],
    ['an ended session whose end is forgotten', ForgetsTombstones],
  ])('%s', async (_name, Mutant) => {
    await expect(exploreAll(Mutant)).rejects.toThrow(/\n(?:P[1-5]|CON-01): /)
  })

  it('nothing about a store that only delegates', async () => {
    await exploreAll(DelegatingStore)
  })
})

/** Most are found soon, but some late in the list of scenarios. */
const ORDERS = [6, 60]

async function exploreAll(Store: typeof DelegatingStore): Promise<void> {
  const { stores } = memoryStores((store) => new Store(store))
  for (const orders of ORDERS) {
    for (const scenario of explorerScenarios) await explore(scenario, { stores, orders, seed: 1 })
  }
}

class SettlesAtFirstUse extends DelegatingStore {
  override touch(batch: readonly Touch[]): Promise<void> {
    return super.touch(
      batch.map((touch) => (touch.rotation ? { ...touch, rotation: settled(touch.rotation) } : touch)),
    )
  }
}

function settled({ ifRevision, next }: RotationChange): RotationChange {
  const { previous } = next
  if (!previous) return { ifRevision, next }
  return { ifRevision, next: { ...next, previous: { ...previous, settledAt: previous.usedAt } } }
}

class ForgetsHandOuts extends DelegatingStore {
  override async rotate(id: SessionId, change: RotationChange): Promise<RotateResult> {
    const found = await this.inner.find(id)
    if (found.status !== 'live') return super.rotate(id, change)
    // The first one is part of the rotation itself; it counts as long ago.
    const { previous } = change.next
    const forgotten = previous && { ...previous, handedOutAt: previous.handedOutAt - 75_000 }
    return super.rotate(id, { ...change, next: { ...change.next, previous: forgotten } })
  }
}

class StacksRotations extends DelegatingStore {
  override async find(id: SessionId): Promise<FindResult> {
    const found = await this.inner.find(id)
    if (found.status !== 'live' || !found.record.rotation.previous) return found
    const { rotation } = found.record
    const stacked: Rotation = { ...rotation, previous: null, rotatedAt: 0 }
    return { ...found, record: { ...found.record, rotation: stacked } }
  }
}

/** Saves whole records, as most session stores do: the last read of an ended session is stored again by a late write. */
class Upserts extends DelegatingStore {
  readonly #seen = new Map<SessionId, Extract<FindResult, { status: 'live' }>>()
  readonly #revived = new Set<SessionId>()

  override async find(id: SessionId): Promise<FindResult> {
    const seen = this.#seen.get(id)
    if (seen && this.#revived.has(id)) return seen
    const found = await super.find(id)
    if (found.status === 'live') this.#seen.set(id, found)
    return found
  }

  override async mutate(
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): Promise<MutateResult> {
    const result = await super.mutate(id, operations, options)
    const seen = this.#seen.get(id)
    if (result.outcome !== 'gone' || !seen) return result
    this.#revived.add(id)
    return { outcome: 'ok', record: seen.record, now: seen.now }
  }
}

class RevivesByTouch extends DelegatingStore {
  readonly #seen = new Map<SessionId, Extract<FindResult, { status: 'live' }>>()
  readonly #revived = new Set<SessionId>()

  override async find(id: SessionId): Promise<FindResult> {
    const found = await super.find(id)
    if (found.status === 'live') this.#seen.set(id, found)
    return (this.#revived.has(id) && this.#seen.get(id)) || found
  }

  override async touch(batch: readonly Touch[]): Promise<void> {
    await super.touch(batch)
    for (const { id } of batch) {
      const found = await this.inner.find(id)
      if (found.status === 'ended') this.#revived.add(id)
    }
  }
}

class LosesWrites extends DelegatingStore {
  #writes = 0

  override async mutate(
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): Promise<MutateResult> {
    this.#writes += 1
    return super.mutate(id, this.#writes % 7 === 0 ? [] : operations, options)
  }
}

class AppliesTwice extends DelegatingStore {
  override async mutate(
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): Promise<MutateResult> {
    await super.mutate(id, operations, { ...options, operationId: `${options.operationId}-sent` })
    return super.mutate(id, operations, options)
  }
}

class LeavesOldAlive extends DelegatingStore {
  override replace(
    _old: SessionId | null,
    session: NewSession,
    options: ReplaceOptions,
  ): Promise<ReplaceResult> {
    return super.replace(null, session, { ...options, requireOld: false })
  }
}

/** As if a login were a rotation: the holder of the token before is the holder of the new session. */
class DerivesAtLogin extends DelegatingStore {
  readonly #successors = new Map<SessionId, { readonly id: SessionId; readonly secretHash: string }>()

  override async replace(
    old: SessionId | null,
    session: NewSession,
    options: ReplaceOptions,
  ): Promise<ReplaceResult> {
    const before = old === null ? null : await this.inner.find(old)
    const result = await super.replace(old, session, options)
    if (result.outcome === 'ok' && before?.status === 'live') {
      const { secretHash } = before.record.rotation
      this.#successors.set(before.record.id, { id: session.id, secretHash })
    }
    return result
  }

  override async find(id: SessionId): Promise<FindResult> {
    const successor = this.#successors.get(id)
    const found = successor ? await super.find(successor.id) : null
    if (!successor || found?.status !== 'live') return super.find(id)
    const rotation: Rotation = { ...found.record.rotation, secretHash: successor.secretHash }
    return { ...found, record: { ...found.record, id, rotation } }
  }
}

class ForgetsReplacements extends DelegatingStore {
  override async find(id: SessionId): Promise<FindResult> {
    const found = await super.find(id)
    if (found.status !== 'ended') return found
    return { ...found, tombstone: { ...found.tombstone, reason: 'revoked' } }
  }
}

class CarriesEverything extends DelegatingStore {
  override replace(
    old: SessionId | null,
    session: NewSession,
    options: ReplaceOptions,
  ): Promise<ReplaceResult> {
    return super.replace(old, session, { ...options, carry: 'all' })
  }
}

class FollowsReplacements extends DelegatingStore {
  override async mutate(
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): Promise<MutateResult> {
    const result = await super.mutate(id, operations, options)
    const next = result.outcome === 'gone' ? result.tombstone?.replacedBy : null
    return next ? super.mutate(next, operations, options) : result
  }
}

class NeverFollows extends DelegatingStore {
  override end(id: SessionId, options: EndOptions): Promise<EndResult> {
    return super.end(id, { ...options, follow: false })
  }
}

class IgnoresEpochs extends DelegatingStore {
  override replace(
    old: SessionId | null,
    session: NewSession,
    options: ReplaceOptions,
  ): Promise<ReplaceResult> {
    return super.replace(old, session, { ...options, ifEpoch: null })
  }
}

class CountsLimitTooEarly extends DelegatingStore {
  override replace(
    old: SessionId | null,
    session: NewSession,
    options: ReplaceOptions,
  ): Promise<ReplaceResult> {
    const { limit } = options
    return super.replace(old, session, { ...options, limit: limit && { ...limit, count: limit.count + 1 } })
  }
}

class MissesNewest extends DelegatingStore {
  override async endUser(userId: string, options: EndUserOptions): Promise<EndUserResult> {
    const { sessions } = await this.inner.list(userId, { limit: 1, cursor: null })
    return super.endUser(userId, { ...options, except: sessions.map(({ id }) => id) })
  }
}

class ForgetsTombstones extends DelegatingStore {
  readonly #records = new Map<SessionId, FindResult>()

  override async find(id: SessionId): Promise<FindResult> {
    const found = await super.find(id)
    if (found.status === 'live') this.#records.set(id, found)
    return found.status === 'live' ? found : (this.#records.get(id) ?? found)
  }
}
