import { deadlines } from '../../core/lifetimes.ts'
import type { Rotation, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
import type { ScanResult, SessionStore, SweepResult, Touch } from '../../core/store.ts'
import { expectTrue } from '../assertions.ts'
import { nextRotation, secretHash, sessionElsewhere, THERE } from '../fixtures.ts'
import type { Command, SessionCommand, WideCommand } from './command.ts'

/** Takes steps on one store and keeps what later steps refer to. */
export class Player {
  readonly store: SessionStore
  readonly #precision: number
  readonly #known = new Map<SessionId, SessionRecord>()
  readonly #epochs = new Map<string, string>()
  readonly #epochsFor = new Map<SessionId, string>()

  constructor(store: SessionStore, precision: number) {
    this.store = store
    this.#precision = precision
  }

  /** `shift` is what each use is further back than its command says, so that no two uses fall on one instant. */
  async take(command: SessionCommand | WideCommand, shift: readonly number[]): Promise<unknown> {
    const { store } = this
    switch (command.kind) {
      case 'create':
        return this.#noting(await store.create(command.session))
      case 'find':
        return this.#noting(await store.find(command.id))
      case 'mutate':
        return this.#mutate(command)
      case 'rotate':
        return this.#noting(await store.rotate(command.id, nextRotation(this.#rotation(command), command.n)))
      case 'replace':
        return this.#replace(command)
      case 'touch':
        return store.touch(command.batch.map((touch, i) => this.#touch(touch, shift[i] ?? 0)))
      case 'end':
        return store.end(command.id, command.options)
      case 'note-epoch-for':
        this.#epochsFor.set(command.id, await store.epochFor(command))
        return null
      case 'adopt':
        return this.#adopt(command, shift)
      case 'bury':
        return store.bury(
          { ...command.tombstone, endedAt: THERE - command.ticksAgo * this.#precision },
          { now: THERE },
        )
      default:
        return this.#takeWide(command)
    }
  }

  /** Milliseconds from `now` to a deadline of the session as last seen, `null` where it never was. */
  untilDeadline(id: SessionId, deadline: 'idle' | 'absolute', now: number): number | null {
    const record = this.#known.get(id)
    return record ? deadlines(record)[deadline] - now : null
  }

  async #takeWide(command: WideCommand): Promise<unknown> {
    switch (command.kind) {
      case 'end-user':
        return this.store.endUser(command.userId, command.options)
      case 'end-everyone':
        // Whether a login begun before is stale by it, the contract leaves open.
        this.#epochs.clear()
        return this.store.endEveryone({ reason: command.reason })
      case 'note-epoch':
        this.#epochs.set(command.userId, (await this.store.epochs(command.userId)).user)
        return null
      case 'list':
        return this.#list(command.userId, command.limit)
      case 'sweep':
        return this.#sweep(command.limit)
      case 'scan':
        return this.#scan(command.limit)
    }
  }

  async #mutate({ id, operations, options, version }: Extract<Command, { kind: 'mutate' }>) {
    const known = this.#known.get(id)?.version ?? 0
    const ifVersion = { any: {}, known: { ifVersion: known }, other: { ifVersion: known + 1_000 } }[version]
    return this.#noting(await this.store.mutate(id, operations, { ...options, ...ifVersion }))
  }

  async #replace({ old, session, options, epoch }: Extract<Command, { kind: 'replace' }>) {
    const ifEpoch = session.userId === null ? null : await this.#epoch(session.userId, epoch)
    return this.#noting(await this.store.replace(old, session, { ...options, ifEpoch }))
  }

  async #epoch(userId: string, which: 'none' | 'current' | 'noted'): Promise<string | null> {
    if (which === 'none') return null
    const noted = which === 'noted' ? this.#epochs.get(userId) : undefined
    return noted ?? (await this.store.epochs(userId)).user
  }

  async #adopt(command: Extract<Command, { kind: 'adopt' }>, [created = 0, seen = 0]: readonly number[]) {
    const { n, id, userId, createdAgo, lastSeenAgo, idleTicks, ticksLeft, epoch } = command
    const at = (ticks: number) => THERE + ticks * this.#precision
    const session = sessionElsewhere(n, {
      id,
      userId,
      createdAt: at(-createdAgo - created),
      lastSeenAt: at(-lastSeenAgo - seen),
      idleTimeout: (idleTicks + lastSeenAgo + seen) * this.#precision,
      expiresAt: at(ticksLeft),
    })
    const noted = epoch === 'noted' ? this.#epochsFor.get(id) : undefined
    const ifEpoch = epoch === 'none' ? null : (noted ?? (await this.store.epochFor(command)))
    return this.#noting(await this.store.adopt(session, { ifEpoch }))
  }

  #touch({ id, ticksAgo, n }: Extract<Command, { kind: 'touch' }>['batch'][number], shift: number): Touch {
    const touch = { id, ago: (ticksAgo + shift) * this.#precision }
    return n === null ? touch : { ...touch, rotation: nextRotation(this.#rotation({ id, known: true }), n) }
  }

  #rotation({ id, known }: { readonly id: SessionId; readonly known: boolean }): Rotation {
    const record = known ? this.#known.get(id) : undefined
    if (record) return record.rotation
    return { revision: 1_000, generation: 1_000, secretHash: secretHash(0), rotatedAt: 0, previous: null }
  }

  async #list(userId: string, limit: number): Promise<readonly SessionRecord[]> {
    const records: SessionRecord[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<SessionStore['list']>> = await this.store.list(userId, { limit, cursor })
      expectTrue(page.sessions.length <= limit, `list answered more than the limit of ${limit}`)
      records.push(...page.sessions)
      cursor = page.cursor
    } while (cursor !== null && records.length < 10_000)
    return records
  }

  async #scan(limit: number): Promise<Pick<ScanResult, 'sessions' | 'tombstones'>> {
    const sessions = new Map<SessionId, SessionRecord>()
    const tombstones = new Map<SessionId, Tombstone>()
    let cursor: string | null = null
    for (let pages = 0; pages < 10_000; pages++) {
      const page: ScanResult = await this.store.scan({ limit, cursor })
      for (const record of page.sessions) sessions.set(record.id, record)
      for (const tombstone of page.tombstones) tombstones.set(tombstone.id, tombstone)
      cursor = page.cursor
      if (cursor === null) return { sessions: inOrder(sessions), tombstones: inOrder(tombstones) }
    }
    throw new Error('scan did not come to an end')
  }

  async #sweep(limit: number): Promise<readonly SessionId[]> {
    const ids: SessionId[] = []
    for (let slice = 0; slice < 10_000; slice++) {
      const { ended, tombstonesRemoved, more }: SweepResult = await this.store.sweep({ limit })
      expectTrue(
        ended.length <= limit && tombstonesRemoved <= limit,
        `sweep did more than its limit of ${limit}`,
      )
      ids.push(...ended.map(({ id }) => id))
      if (!more) return ids
    }
    throw new Error('sweep did not come to an end')
  }

  #noting<Result extends object>(result: Result): Result {
    if ('record' in result) {
      const record = result.record as SessionRecord
      this.#known.set(record.id, record)
    }
    return result
  }
}

function inOrder<T>(byId: ReadonlyMap<SessionId, T>): readonly T[] {
  return [...byId.keys()].sort().map((id) => byId.get(id) as T)
}
