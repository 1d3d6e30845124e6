import type { MaybePromise } from '../../core/maybe-promise.ts'
import type { Operation, SessionId } from '../../core/record.ts'
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
  StoreHealth,
  SweepResult,
  Touch,
} from '../../core/store.ts'
import type { LifeGuard } from './life-guard.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * A real store whose every call waits for its turn twice: before it is applied, and again before its answer arrives.
 * What the store answers is held against what it has answered before.
 */
export class ScheduledStore implements SessionStore {
  readonly name: string
  readonly capabilities: StoreCapabilities
  readonly #inner: SessionStore
  readonly #node: string
  readonly #scheduler: Scheduler
  readonly #guard: LifeGuard

  /** `inner` is open already and stays open. */
  constructor(inner: SessionStore, node: string, scheduler: Scheduler, guard: LifeGuard) {
    this.name = inner.name
    this.capabilities = inner.capabilities
    this.#inner = inner
    this.#node = node
    this.#scheduler = scheduler
    this.#guard = guard
  }

  open(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  health(): Promise<StoreHealth> {
    return this.#inner.health()
  }

  create(session: NewSession): Promise<CreateResult> {
    return this.#step('create', async () => {
      const result = await this.#inner.create(session)
      if (result.outcome === 'ok') this.#guard.alive(session.id, 'create')
      return result
    })
  }

  find(id: SessionId): Promise<FindResult> {
    return this.#step('find', async () => {
      const result = await this.#inner.find(id)
      if (result.status === 'live') this.#guard.alive(id, 'find')
      else this.#guard.dead([{ id }], 'find')
      return result
    })
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult> {
    return this.#step('mutate', async () => {
      const result = await this.#inner.mutate(id, operations, options)
      if (result.outcome === 'ok' || result.outcome === 'conflict') this.#guard.alive(id, 'mutate')
      if (result.outcome === 'gone') this.#guard.dead([{ id }], 'mutate')
      return result
    })
  }

  rotate(id: SessionId, change: RotationChange): Promise<RotateResult> {
    return this.#step('rotate', async () => {
      const result = await this.#inner.rotate(id, change)
      if (result.outcome === 'gone') this.#guard.dead([{ id }], 'rotate')
      else this.#guard.alive(id, 'rotate')
      return result
    })
  }

  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    return this.#step('replace', async () => {
      const result = await this.#inner.replace(old, session, options)
      if (result.outcome === 'ok') {
        this.#guard.alive(session.id, 'replace')
        this.#guard.dead([old === null ? null : { id: old }, ...result.evicted], 'replace')
      }
      return result
    })
  }

  touch(batch: readonly Touch[]): Promise<void> {
    return this.#step('touch', () => this.#inner.touch(batch))
  }

  end(id: SessionId, options: EndOptions): Promise<EndResult> {
    return this.#step('end', async () => {
      const result = await this.#inner.end(id, options)
      if (result.outcome === 'ended') this.#guard.dead([...result.ended, { id }], 'end')
      return result
    })
  }

  endUser(userId: string, options: EndUserOptions): Promise<EndUserResult> {
    return this.#step('endUser', async () => {
      const result = await this.#inner.endUser(userId, options)
      this.#guard.dead(result.ended, 'endUser')
      return result
    })
  }

  endEveryone(options: Parameters<SessionStore['endEveryone']>[0]): Promise<void> {
    return this.#step('endEveryone', async () => {
      await this.#inner.endEveryone(options)
      this.#guard.everyoneDead('endEveryone')
    })
  }

  epochs(userId: string): Promise<{ readonly user: string }> {
    return this.#step('epochs', () => this.#inner.epochs(userId))
  }

  list(userId: string, page: Parameters<SessionStore['list']>[1]): Promise<ListResult> {
    return this.#step('list', async () => {
      const result = await this.#inner.list(userId, page)
      for (const { id } of result.sessions) this.#guard.alive(id, 'list')
      return result
    })
  }

  sweep(options: { readonly limit: number }): Promise<SweepResult> {
    return this.#step('sweep', async () => {
      const result = await this.#inner.sweep(options)
      this.#guard.dead(result.ended, 'sweep')
      return result
    })
  }

  async #step<T>(method: string, apply: () => MaybePromise<T>): Promise<T> {
    await this.#scheduler.point(`${this.#node} ${method}`)
    const result = await this.#scheduler.work(Promise.resolve(apply()))
    await this.#scheduler.point(`${this.#node} ${method} answered`)
    return result
  }
}
