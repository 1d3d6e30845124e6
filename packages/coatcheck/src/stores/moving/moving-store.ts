import type { Environment } from '../../core/environment.ts'
import { UsageError } from '../../core/errors.ts'
import type { KeySource } from '../../core/keys.ts'
import { chain, type MaybePromise } from '../../core/maybe-promise.ts'
import type { Operation, SessionId, SessionRecord } from '../../core/record.ts'
import type {
  AdoptResult,
  BuryResult,
  CreateResult,
  Ended,
  EndOptions,
  EndResult,
  EndUserOptions,
  EndUserResult,
  FindResult,
  ListResult,
  Live,
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  ReplaceResult,
  RotateResult,
  RotationChange,
  ScanResult,
  SessionStore,
  StoreCapabilities,
  StoreContext,
  StoreHealth,
  SweepResult,
  Touch,
} from '../../core/store.ts'
import { eachInFlight } from './each-in-flight.ts'
import { MOVED, Passage } from './passage.ts'
import { UnderWay } from './under-way.ts'

/** What a slice of `moveRest` came to. */
export interface RestMoved {
  /** Sessions of this slice that live in the new store now. */
  readonly moved: number
  /** Whether another slice has work. */
  readonly left: boolean
}

const PAGE = 100
const SHARED = ['process', 'machine', 'network'] as const
const UNKNOWN: FindResult = { status: 'unknown' }

/**
 * `from` and `to` as one store. What is done to a session is done in `to`, after it has moved there; `Passage` has the
 * rules of that. Whatever may end sessions makes sure first that those it may end are not live in `from` any more.
 *
 * No feed of changes: nothing is cached while it moves, so no node can miss what another one has moved.
 */
export class MovingStore implements SessionStore {
  readonly name: string
  readonly capabilities: StoreCapabilities
  readonly defaultKeys?: () => KeySource
  readonly #from: SessionStore
  readonly #to: SessionStore
  readonly #passage: Passage
  readonly #underWay = new UnderWay()
  #environment: Environment | null = null
  /** How far the pass of `moveRest` has come. */
  #rest: string | null = null

  constructor(from: SessionStore, to: SessionStore) {
    this.name = `${from.name}-to-${to.name}`
    this.capabilities = Object.freeze({
      // The narrower one: who sees only half of the sessions sees none of the moving.
      shared: SHARED.find((word) => word === from.capabilities.shared || word === to.capabilities.shared),
      durable: from.capabilities.durable && to.capabilities.durable,
      replace: to.capabilities.replace,
    }) as StoreCapabilities
    // Those of `to` would be new ones, under which nobody is signed in.
    const { defaultKeys } = from
    if (defaultKeys) this.defaultKeys = () => defaultKeys.call(from)
    this.#from = from
    this.#to = to
    this.#passage = new Passage(from, to)
  }

  async open(context: StoreContext): Promise<void> {
    await this.#from.open(context)
    try {
      await this.#to.open(context)
    } catch (error) {
      await this.#from.close()
      throw error
    }
    this.#passage.open(context)
    this.#environment = context.environment
  }

  async close(): Promise<void> {
    await this.#underWay.close(this.#environment)
    const closed = await Promise.allSettled([this.#from.close(), this.#to.close()])
    for (const one of closed) if (one.status === 'rejected') throw one.reason
  }

  async health(): Promise<StoreHealth> {
    const [from, to] = await Promise.all([this.#from.health(), this.#to.health()])
    return from.ok ? to : from
  }

  create(session: NewSession): Promise<CreateResult> {
    return this.#underWay.during(async () => {
      const known = await this.#from.find(session.id)
      return known.status === 'unknown' ? this.#to.create(session) : { outcome: 'exists' }
    })
  }

  find(id: SessionId): MaybePromise<FindResult> {
    return chain(this.#to.find(id), (there) =>
      there.status === 'unknown' ? this.#underWay.during(() => this.#passage.bring(id, there)) : there,
    )
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult> {
    return this.#onceMoved(id, () => this.#to.mutate(id, operations, options))
  }

  rotate(id: SessionId, change: RotationChange): Promise<RotateResult> {
    return this.#onceMoved(id, () => this.#to.rotate(id, change))
  }

  /** The limit counts in `to`, so all of the user's sessions are there first. */
  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    return this.#underWay.during(async () => {
      const known = await this.#passage.settle(session.id)
      if (known.status === 'ended') return { outcome: 'exists' }
      if (session.userId !== null) await this.#moveUser(session.userId)
      const before = old === null ? UNKNOWN : await this.#passage.settle(old)
      const result = await this.#to.replace(old, session, options)
      if (result.outcome !== 'gone' || result.tombstone || before.status !== 'ended') return result
      return { outcome: 'gone', tombstone: before.tombstone }
    })
  }

  touch(batch: readonly Touch[]): Promise<void> {
    return this.#underWay.during(async () => {
      await eachInFlight(batch, async ({ id }) => {
        const here = await this.#from.find(id)
        if (here.status === 'live') await this.#passage.settle(id)
      })
      await this.#to.touch(batch)
    })
  }

  end(id: SessionId, options: EndOptions): Promise<EndResult> {
    return this.#underWay.during(async () => {
      const first = await this.#passage.settle(id)
      if (options.follow) await this.#settleSuccessors(first)
      const result = await this.#to.end(id, options)
      if (result.outcome !== 'unknown' || first.status !== 'ended') return result
      const { tombstone } = first
      const isTheirs = options.ofUser === undefined || options.ofUser === tombstone.userId
      return isTheirs ? { outcome: 'already', tombstone } : result
    })
  }

  /** A chain of replacements may begin in `from`: all of it moves, so that `to` can follow it. It may lead in circles. */
  async #settleSuccessors(first: FindResult): Promise<void> {
    const seen = new Set<SessionId>()
    for (let one = first; one.status === 'ended'; ) {
      const next: SessionId | null = one.tombstone.replacedBy
      if (next === null || seen.has(next)) return
      seen.add(next)
      one = await this.#passage.settle(next)
    }
  }

  /** `from` first: whoever looked there before is refused by the new epoch in `to`, whoever looks after finds nothing live. */
  endUser(userId: string, options: EndUserOptions): Promise<EndUserResult> {
    return this.#underWay.during(async () => {
      if (options.except && options.except.length > 0) await this.#moveUser(userId)
      const here = await this.#from.endUser(userId, { reason: options.reason })
      const there = await this.#to.endUser(userId, options)
      const ended = new Map([...here.ended, ...there.ended].map((one) => [one.id, one]))
      return { ended: [...ended.values()] }
    })
  }

  /** In the same order, for the same reason. */
  endEveryone(options: Parameters<SessionStore['endEveryone']>[0]): Promise<void> {
    return this.#underWay.during(async () => {
      await this.#from.endEveryone(options)
      await this.#to.endEveryone(options)
    })
  }

  epochs(userId: string): Promise<{ readonly user: string }> {
    return this.#to.epochs(userId)
  }

  list(userId: string, page: Parameters<SessionStore['list']>[1]): Promise<ListResult> {
    return this.#underWay.during(async () => {
      await this.#moveUser(userId)
      return this.#to.list(userId, page)
    })
  }

  sweep({ limit }: { readonly limit: number }): Promise<SweepResult> {
    return this.#underWay.during(async () => {
      const here = await this.#from.sweep({ limit })
      const ended: Ended[] = []
      await eachInFlight(here.ended, async (one) => {
        // What lives on in `to` has only ended as a copy that was left behind.
        const there = await this.#to.find(one.id)
        if (there.status !== 'unknown') return
        await this.#passage.bring(one.id, there)
        ended.push(one)
      })
      const room = limit - Math.max(here.ended.length, here.tombstonesRemoved)
      if (room <= 0) return { ended, tombstonesRemoved: here.tombstonesRemoved, more: true }
      const there = await this.#to.sweep({ limit: room })
      return {
        ended: [...ended, ...there.ended],
        tombstonesRemoved: here.tombstonesRemoved + there.tombstonesRemoved,
        more: here.more || there.more,
      }
    })
  }

  /** Moves what is left in `from` first, with pages that are empty, so that each session is told as it is in `to`. */
  scan({ limit, cursor }: Parameters<SessionStore['scan']>[0]): Promise<ScanResult> {
    return this.#underWay.during(async () => {
      const [, part, inner = ''] = /^(from|to):(.*)$/s.exec(cursor ?? 'from:') ?? []
      const page = { limit, cursor: inner === '' ? null : inner }
      if (part === 'from') {
        const { now, cursor: next } = await this.#moveSlice(page)
        return { sessions: [], tombstones: [], cursor: next === null ? 'to:' : `from:${next}`, now }
      }
      if (part !== 'to') throw new UsageError('ERR_USAGE', 'A cursor must be one that scan answered with.')
      const result = await this.#to.scan(page)
      return { ...result, cursor: result.cursor === null ? null : `to:${result.cursor}` }
    })
  }

  epochFor(session: Pick<SessionRecord, 'id' | 'userId'>): Promise<string> {
    return this.#to.epochFor(session)
  }

  adopt(session: Live, options: { readonly ifEpoch: string | null }): Promise<AdoptResult> {
    return this.#underWay.during(async () => {
      const known = await this.#passage.settle(session.record.id)
      if (known.status === 'ended') return { outcome: 'ended', tombstone: known.tombstone }
      return this.#to.adopt(session, options)
    })
  }

  bury(tombstone: Parameters<SessionStore['bury']>[0], at: { readonly now: number }): Promise<BuryResult> {
    return this.#underWay.during(async () => {
      const known = await this.#passage.settle(tombstone.id)
      return known.status === 'ended' ? { outcome: 'already' } : this.#to.bury(tombstone, at)
    })
  }

  moveRest(limit: number): Promise<RestMoved> {
    return this.#underWay.during(async () => {
      const { moved, cursor } = await this.#moveSlice({ limit, cursor: this.#rest })
      this.#rest = cursor
      return { moved, left: cursor !== null }
    })
  }

  async #moveSlice(page: Parameters<SessionStore['scan']>[0]) {
    const { sessions, tombstones, cursor, now } = await this.#from.scan(page)
    let moved = 0
    await eachInFlight(sessions, async ({ id }) => {
      const { status } = await this.#passage.settle(id)
      if (status === 'live') moved += 1
    })
    const ends = tombstones.filter(({ reason }) => reason !== MOVED)
    await eachInFlight(ends, ({ id }) => this.#passage.settle(id))
    return { moved, cursor, now }
  }

  async #moveUser(userId: string): Promise<void> {
    let cursor: string | null = null
    do {
      const page: ListResult = await this.#from.list(userId, { limit: PAGE, cursor })
      await eachInFlight(page.sessions, ({ id }) => this.#passage.settle(id))
      cursor = page.cursor
    } while (cursor !== null)
  }

  /** Tries in `to`, and once more where the session was not known there and has moved. */
  #onceMoved<R extends MutateResult | RotateResult>(id: SessionId, attempt: () => Promise<R>): Promise<R> {
    return this.#underWay.during(async () => {
      const result = await attempt()
      if (result.outcome !== 'gone' || result.tombstone) return result
      const found = await this.#passage.bring(id, UNKNOWN)
      if (found.status === 'live') return attempt()
      return found.status === 'ended' ? { ...result, tombstone: found.tombstone } : result
    })
  }
}
