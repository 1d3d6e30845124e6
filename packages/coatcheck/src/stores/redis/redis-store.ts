import { UsageError } from '../../core/errors.ts'
import type { EndReason, Operation, SessionId } from '../../core/record.ts'
import type {
  CreateResult,
  EndOptions,
  EndResult,
  EndUserOptions,
  EndUserResult,
  FindResult,
  ListResult,
  MutateOptions,
  MutateResult,
  NewSession,
  ReplaceOptions,
  ReplaceResult,
  RotateResult,
  RotationChange,
  SessionStore,
  StoreCapabilities,
  StoreContext,
  StoreHealth,
  SweepResult,
  Touch,
} from '../../core/store.ts'
import { isSessionId, partitionOf, partitionOfUser } from '../../core/token.ts'
import type { Driver } from './driver.ts'
import { type Answer, type Clock, Engine } from './engine.ts'
import { PARTITIONS } from './partition-keys.ts'
import { fromRotation, type RecordList, type TombstoneList, toRecord, toTombstone } from './record-text.ts'
import { Replacing } from './replacing.ts'
import { Sweeping } from './sweeping.ts'
import { toLive, Writing } from './writing.ts'

export interface RedisSettings {
  readonly driver: Driver
  readonly prefix: string
  /** The server's clock but in tests, which move their own. */
  readonly clock: Clock
}

/** How often each partition is told of an end of everyone before that fails. */
const END_ATTEMPTS = 3

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

  constructor({ driver, prefix, clock }: RedisSettings) {
    this.#engine = new Engine(driver, prefix, clock)
    this.#writing = new Writing(this.#engine)
    this.#replacing = new Replacing(this.#engine)
    this.#sweeping = new Sweeping(this.#engine)
  }

  async open(context: StoreContext): Promise<void> {
    this.#engine.open(context)
    await this.#engine.call('health', 0, [])
  }

  /** The client is the user's, and stays open. */
  close(): Promise<void> {
    return this.#engine.close()
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
      const answer = await this.#engine.call('rotate', partitionOf(id), [id, ...change])
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
      await Promise.all(calls)
    })
  }

  end(id: SessionId, { reason, ofUser, follow = false }: EndOptions): Promise<EndResult> {
    return this.#engine.during(async () => {
      if (!isSessionId(id)) return { outcome: 'unknown' }
      const user = ofUser === undefined ? '' : JSON.stringify(ofUser)
      const args = [id, JSON.stringify(reason), user, follow ? '1' : '', this.#engine.nonce()]
      const [outcome, , list] = await this.#engine.call('end', partitionOf(id), args)
      if (outcome === 'unknown') return { outcome }
      if (outcome === 'already') return { outcome, tombstone: toTombstone(list as TombstoneList) }
      const [ended, userId] = list as readonly [SessionId, string | null]
      return { outcome: 'ended', ended: [{ id: ended, userId, reason }] }
    })
  }

  endUser(userId: string, { reason, except = [] }: EndUserOptions): Promise<EndUserResult> {
    return this.#engine.during(async () => {
      const args = [JSON.stringify(userId), JSON.stringify(reason), this.#engine.nonce(), ...except]
      const answer = await this.#engine.call('endUser', partitionOfUser(userId), args)
      return { ended: (answer[2] as readonly SessionId[]).map((id) => ({ id, userId, reason })) }
    })
  }

  endEveryone({ reason }: { readonly reason: EndReason }): Promise<void> {
    return this.#engine.during(async () => {
      const args = [JSON.stringify(reason), this.#engine.nonce()]
      const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
      await Promise.all(partitions.map((partition) => this.#endPartition(partition, args)))
    })
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

  /** Repeating it changes nothing, so that a part that failed can be tried again whatever became of it. */
  async #endPartition(partition: number, args: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#engine.call('endEveryone', partition, args)
        return
      } catch (error) {
        if (attempt >= END_ATTEMPTS) throw error
      }
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
