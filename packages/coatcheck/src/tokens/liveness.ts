import { lifeLeft } from '../core/lifetimes.ts'
import { linksOf } from '../core/links.ts'
import type { SessionManager } from '../core/manager.ts'
import { chain, finallyOf, type MaybePromise } from '../core/maybe-promise.ts'
import { assertKnownKeys, wholeNumber } from '../core/option-checks.ts'
import type { Rotation, SessionId } from '../core/record.ts'
import { used } from '../core/rotation.ts'
import type { ChangeReceiver, FindResult } from '../core/store.ts'
import { isSessionId, PARTITIONS, partitionOf, partitionOfUser } from '../core/token.ts'
import type { AccessTokenClaims, AccessTokenRevocation } from './jwt/claims.ts'

export interface LivenessOptions {
  /** Sessions and refresh families of which the answer is kept, about 200 bytes each. Default 100,000. */
  readonly maxEntries?: number
}

/** The claim that says with which generation of the family's refresh token an access token was issued. */
export const GENERATION_CLAIM = 'gen'

const MAX_ENTRIES = 100_000

/** What the store said of a session or family that lives. */
interface Known {
  /** Of its partition, when the store was asked. */
  readonly era: number
  /** Monotonic clock: from then on it may be over by itself. */
  readonly until: number
  /** What the store's clock is ahead of the monotonic one. */
  readonly ahead: number
  /** The rotating half, while the last rotation is not settled. */
  unsettled: Rotation | null
}

/** Looks at the store for one id that are under way. */
interface Looks {
  count: number
  /** Something changed meanwhile: what the store answers may be from before. */
  overtaken: boolean
}

/**
 * Whether what an access token hangs on still lives: its session (`sid`) and the refresh family that it was issued with
 * (`fam`). Answers at once from memory as long as the sessions' feed of changes proves the answer fresh, so that an end
 * anywhere is seen within `maxStaleness` (P7); else, and without a near cache always, it asks the store, and throws
 * `StoreError` where that fails (P10). A use also settles the rotation of the refresh token that came with the access
 * token (design section 6).
 */
export class Liveness implements AccessTokenRevocation {
  readonly #manager: SessionManager
  readonly #maxEntries: number
  /** Oldest first. */
  readonly #known = new Map<SessionId, Known>()
  readonly #looks = new Map<SessionId, Looks>()
  /** What was kept in an earlier era is not to be used. */
  readonly #eras = new Uint32Array(PARTITIONS)
  readonly #settling = new Set<Promise<void>>()

  constructor(manager: SessionManager, { maxEntries }: Required<LivenessOptions>) {
    this.#manager = manager
    this.#maxEntries = maxEntries
    manager.listeners.add(this.#receiver())
  }

  /** A token without `sid` and `fam` hangs on nothing that could end. */
  isRevoked(claims: AccessTokenClaims): MaybePromise<boolean> {
    const { sid, fam } = claims
    return chain(this.#isOver(sid), (over) => over || this.#isFamilyOver(fam, claims[GENERATION_CLAIM]))
  }

  /** Waits until what uses have settled is in the store. */
  async flush(): Promise<void> {
    await Promise.all(this.#settling)
  }

  #isOver(id: string | undefined): MaybePromise<boolean> {
    if (id === undefined) return false
    return chain(this.#find(id), (known) => known === null)
  }

  #isFamilyOver(id: string | undefined, generation: unknown): MaybePromise<boolean> {
    if (id === undefined) return false
    return chain(this.#find(id), (known) => {
      if (known?.unsettled) this.#use(id as SessionId, known, known.unsettled, generation)
      return known === null
    })
  }

  #find(id: string): MaybePromise<Known | null> {
    if (!isSessionId(id)) return null
    // Before anything is looked up: what this tells may change it.
    const proven = this.#manager.proves(id)
    const known = this.#known.get(id)
    const { environment } = this.#manager.settings
    if (proven && known && known.era === this.#eraOf(id) && environment.monotonic() < known.until)
      return known
    return this.#ask(id, proven)
  }

  #ask(id: SessionId, proven: boolean): MaybePromise<Known | null> {
    const looks = this.#looks.get(id) ?? { count: 0, overtaken: false }
    this.#looks.set(id, looks)
    looks.count++
    const era = this.#eraOf(id)
    const askedAt = this.#manager.settings.environment.monotonic()
    const done = () => {
      looks.count--
      if (looks.count === 0 && this.#looks.get(id) === looks) this.#looks.delete(id)
    }
    return chain(
      finallyOf(() => this.#manager.lookUp(id), done),
      (found) => this.#found(id, found, { era, askedAt, mayKeep: () => proven && !looks.overtaken }),
    )
  }

  #found(
    id: SessionId,
    found: FindResult,
    { era, askedAt, mayKeep }: { era: number; askedAt: number; mayKeep: () => boolean },
  ): Known | null {
    if (found.status !== 'live') {
      this.#known.delete(id)
      return null
    }
    const { record, now } = found
    const unsettled = record.rotation.previous?.settledAt === null ? record.rotation : null
    // The store's clock was read after the question was asked: counted from then, deadlines come early.
    const known = { era, until: askedAt + lifeLeft(found), ahead: now - askedAt, unsettled }
    // What a session is linked with is looked up with it, and nothing would tell that it had ended.
    if (mayKeep() && linksOf(record).length === 0) this.#keep(id, known)
    return known
  }

  #keep(id: SessionId, known: Known): void {
    this.#known.delete(id)
    this.#known.set(id, known)
    if (this.#known.size <= this.#maxEntries) return
    const [oldest] = this.#known.keys()
    if (oldest !== undefined) this.#known.delete(oldest)
  }

  /** Whoever has the access token has the refresh token that came with it: as good as a use of that. */
  #use(id: SessionId, known: Known, rotation: Rotation, generation: unknown): void {
    if (generation !== rotation.generation) return
    const { environment, rotation: policy } = this.#manager.settings
    const next = used(rotation, environment.monotonic() + known.ahead, policy)
    if (next.previous?.settledAt === null) return
    known.unsettled = null
    const touch = { id, ago: 0, rotation: { ifRevision: rotation.revision, next } }
    const settled = Promise.resolve()
      .then(() => this.#manager.store.call('touch', [touch]))
      // Reported by the guarded store; the next use finds it unsettled and tries again.
      .catch(() => {})
      .finally(() => this.#settling.delete(settled))
    this.#settling.add(settled)
  }

  #eraOf(id: SessionId): number {
    return this.#eras[partitionOf(id)] as number
  }

  #receiver(): ChangeReceiver {
    return {
      changed: (id) => {
        this.#known.delete(id)
        const looks = this.#looks.get(id)
        if (looks) looks.overtaken = true
        // Whoever looks from here on is not overtaken by this.
        this.#looks.delete(id)
      },
      userChanged: (userId) => this.#forget([partitionOfUser(userId)]),
      everyoneChanged: (partitions) => this.#forget(partitions),
      lost: (partitions) => this.#forget(partitions),
    }
  }

  /** An era for each partition instead of a list of each user's sessions: the others there are asked for once more. */
  #forget(partitions: readonly number[] | null): void {
    for (const partition of partitions ?? this.#eras.keys()) {
      this.#eras[partition] = (this.#eras[partition] as number) + 1
    }
  }
}

/**
 * What `createAccessTokenVerifier` is given as `revocation` in a process that shares the sessions' store: an access token
 * is refused as soon as its session, its user's sessions or its refresh family have ended.
 */
export function createLiveness(
  sessions: { readonly manager: SessionManager },
  options: LivenessOptions = {},
): Liveness {
  assertKnownKeys(options, ['maxEntries'])
  const maxEntries = wholeNumber(options.maxEntries ?? MAX_ENTRIES, 'maxEntries', 1)
  return new Liveness(sessions.manager, { maxEntries })
}
