import { deadlines } from '../../core/lifetimes.ts'
import type { Rotation, SessionId, SessionRecord } from '../../core/record.ts'
import type { SessionStore, SweepResult, Touch } from '../../core/store.ts'
import { expectTrue } from '../assertions.ts'
import { nextRotation, secretHash } from '../fixtures.ts'
import type { Command, SessionCommand, WideCommand } from './command.ts'

/** Takes steps on one store and keeps what later steps refer to. */
export class Player {
  readonly store: SessionStore
  readonly #precision: number
  readonly #known = new Map<SessionId, SessionRecord>()
  readonly #epochs = new Map<string, string>()

  constructor(store: SessionStore, precision: number) {
    this.store = store
    this.#precision = precision
  }

  /** `shift` is what each touch is further back than its command says, so that no two uses fall on one instant. */
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
