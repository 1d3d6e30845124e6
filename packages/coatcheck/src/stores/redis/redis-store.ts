import { UsageError } from '../../core/errors.ts'
import type { EndReason, Operation, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type {
  AdoptResult,
  BuryResult,
  ChangeFeed,
  ChangeReceiver,
  CreateResult,
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
import { isSessionId, partitionOf, partitionOfUser } from '../../core/token.ts'
import type { Driver } from './driver.ts'
import { Ending } from './ending.ts'
import { type Answer, type Clock, Engine } from './engine.ts'
import { inPart } from './failures.ts'
import { RedisFeed } from './feed.ts'
import { Moving } from './moving.ts'
import { Reasserting } from './reasserting.ts'
import { fromRotation, type RecordList, type TombstoneList, toRecord, toTombstone } from './record-text.ts'
import { Replacing } from './replacing.ts'
import { type Checks, channelOf, checkServers } from './server-checks.ts'
import { Sweeping } from './sweeping.ts'
import { toLive, Writing } from './writing.ts'

export interface RedisSettings {
  readonly driver: Driver
  readonly prefix: string
  /** The server's clock but in tests, which move their own. */
  readonly clock: Clock
  readonly checks: Checks
}

/** The contract of `SessionStore` on the keys of Redis; `lua/prelude.ts` says what lies where. */
export class RedisStore implements SessionStore {
  readonly name = 'redis'
  readonly capabilities: StoreCapabilities = Object.freeze({
    shared: 'network',
    durable: true,
    replace: 'saga',
  })

  readonly #engine: Engine
  readonly #writing: Writing
  readonly #replacing: Replacing
  readonly #sweeping: Sweeping
  readonly #reasserting: Reasserting
  readonly #ending: Ending
  readonly #moving: Moving
  readonly #checks: Checks
  readonly #driver: Driver
  #feed: RedisFeed | null = null

  constructor({ driver, prefix, clock, checks }: RedisSettings) {
    this.#checks = checks
    this.#driver = driver
    this.#engine = new Engine(driver, prefix, clock)
    this.#reasserting = new Reasserting(this.#engine, driver)
    this.#ending = new Ending(this.#engine, this.#reasserting)
    this.#writing = new Writing(this.#engine)
    this.#replacing = new Replacing(this.#engine, this.#reasserting)
    this.#sweeping = new Sweeping(this.#engine)
    this.#moving = new Moving(this.#engine, this.#reasserting)
  }

  async open(context: StoreContext): Promise<void> {
    this.#engine.open(context)
    this.#engine.confirmation = await checkServers(this.#engine, this.#checks)
    this.#reasserting.start()
    await this.#engine.call('health', 0, [])
    await channelOf(this.#engine)
  }

  /** The client is the user's, and stays open. */
  async close(): Promise<void> {
    await this.#feed?.close()
    this.#reasserting.stop()
    await this.#engine.close()
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.#engine.during(() => this.#engine.call('health', 0, []))
      return { ok: true }
    } catch (error) {
      return { ok: false, error: error as Error }
    }
  }

  async create(session: NewSession): Promise<CreateResult> {
    const result = await this.#engine.during(() =>
      this.#replacing.replace(null, session, { ...PLAIN, operationId: this.#engine.nonce() }),
    )
    if (result.outcome !== 'ok') return { outcome: 'exists' }
    return { outcome: 'ok', record: result.record, now: result.now }
  }

  find(id: SessionId): Promise<FindResult> {
    return this.#engine.during(async () => {
      if (!isSessionId(id)) return { status: 'unknown' }
      return toFound(await this.#engine.call('find', partitionOf(id), [id]))
    })
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult> {
    return this.#engine.during(async () => {
      if (!isSessionId(id)) return { outcome: 'gone', tombstone: null }
      return this.#writing.mutate(id, operations, options)
    })
  }

  rotate(id: SessionId, { ifRevision, next }: RotationChange): Promise<RotateResult> {
    return this.#engine.during(async () => {
      if (!isSessionId(id)) return { outcome: 'gone', tombstone: null }
      const change = [String(ifRevision), String(next.revision), fromRotation(next)]
      const answer = await this.#engine.callConfirmed('rotate', partitionOf(id), [id, ...change])
      if (answer[0] === 'gone') return { outcome: 'gone', tombstone: toTombstoneOrNull(answer[2]) }
      return { outcome: answer[0] as 'ok' | 'conflict', ...toLive(answer) }
    })
  }

  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    return this.#engine.during(() => this.#replacing.replace(old, session, options))
  }

  touch(batch: readonly Touch[]): Promise<void> {
    return this.#engine.during(async () => {
      const byPartition = new Map<number, string[]>()
      for (const { id, ago, rotation } of batch) {
        if (!isSessionId(id)) continue
        const args = byPartition.get(partitionOf(id)) ?? []
        byPartition.set(partitionOf(id), args)
        args.push(id, String(ago))
        if (!rotation) args.push('', '', '')
        else {
          const { ifRevision, next } = rotation
          args.push(String(ifRevision), String(next.revision), fromRotation(next))
        }
      }
      const calls = [...byPartition].map(([partition, args]) => this.#engine.call('touch', partition, args))
      await Promise.all(calls).catch(calls.length > 1 ? inPart : null)
    })
  }

  end(id: SessionId, options: EndOptions): Promise<EndResult> {
    return this.#engine.during(() => this.#ending.end(id, options))
  }

  endUser(userId: string, options: EndUserOptions): Promise<EndUserResult> {
    return this.#engine.during(() => this.#ending.endUser(userId, options))
  }

  endEveryone({ reason }: { readonly reason: EndReason }): Promise<void> {
    return this.#engine.during(() => this.#ending.endEveryone(reason))
  }

  epochs(userId: string): Promise<{ readonly user: string }> {
    return this.#engine.during(async () => {
      const args = [JSON.stringify(userId), this.#engine.nonce()]
      const answer = await this.#engine.call('epochs', partitionOfUser(userId), args)
      return { user: answer[2] as string }
    })
  }

  list(userId: string, page: Parameters<SessionStore['list']>[1]): Promise<ListResult> {
    return this.#engine.during(async () => {
      const place = page.cursor === null ? ['', ''] : parseCursor(page.cursor)
      const args = [JSON.stringify(userId), String(page.limit), ...place]
      const [, now, lists, more] = await this.#engine.call('list', partitionOfUser(userId), args)
      const sessions = (lists as readonly RecordList[]).map(toRecord)
      const last = sessions.at(-1)
      return { sessions, cursor: more === true && last ? `${last.createdAt}.${last.id}` : null, now }
    })
  }

  sweep({ limit }: { readonly limit: number }): Promise<SweepResult> {
    return this.#engine.during(() => this.#sweeping.sweep(limit))
  }

  scan(page: Parameters<SessionStore['scan']>[0]): Promise<ScanResult> {
    return this.#engine.during(() => this.#moving.scan(page))
  }

  epochFor(session: Pick<SessionRecord, 'id' | 'userId'>): Promise<string> {
    return this.#engine.during(() => this.#moving.epochFor(session))
  }

  adopt(session: Live, { ifEpoch }: { readonly ifEpoch: string | null }): Promise<AdoptResult> {
    return this.#engine.during(() => this.#moving.adopt(session, ifEpoch))
  }

  bury(tombstone: Tombstone, { now }: { readonly now: number }): Promise<BuryResult> {
    return this.#engine.during(() => this.#moving.bury(tombstone, now))
  }

  async changes(receiver: ChangeReceiver): Promise<ChangeFeed> {
    if (this.#feed && !this.#feed.isClosed) {
      throw new UsageError('ERR_USAGE', 'A store has at most one feed of changes at a time.')
    }
    const feed = new RedisFeed(this.#engine, this.#driver, receiver)
    this.#feed = feed
    try {
      await feed.open()
      return feed
    } catch (error) {
      await feed.close()
      throw error
    }
  }
}

/** What `create` is a special case of. */
const PLAIN: Omit<ReplaceOptions, 'operationId'> = Object.freeze({
  reason: 'replaced',
  requireOld: false,
  carry: [],
  operations: [],
  maxBytes: Number.POSITIVE_INFINITY,
  limit: null,
  ifEpoch: null,
})

function toFound(answer: Answer): FindResult {
  const [status, now, list, justEnded] = answer
  if (status === 'live') return { status, ...toLive(answer) }
  if (status === 'unknown') return { status }
  return {
    status: 'ended',
    tombstone: toTombstone(list as TombstoneList),
    now,
    justEnded: justEnded as boolean,
  }
}

function toTombstoneOrNull(list: unknown) {
  return list === null ? null : toTombstone(list as TombstoneList)
}

function parseCursor(cursor: string): readonly string[] {
  const [, createdAt, id] = /^(\d{1,15})\.([\w-]{22})$/.exec(cursor) ?? []
  if (createdAt === undefined || id === undefined) {
    throw new UsageError('ERR_USAGE', 'A cursor of list must be one that an earlier page ended with.')
  }
  return [createdAt, id]
}
