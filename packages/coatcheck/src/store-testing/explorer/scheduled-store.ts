import type { Environment } from '../../core/environment.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'
import type { Operation, SessionId, SessionRecord, Tombstone } from '../../core/record.ts'
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
import { ScheduledFeed } from './scheduled-feed.ts'
import type { Effect, Scheduler } from './scheduler.ts'

type Method = Exclude<
  keyof SessionStore,
  'name' | 'capabilities' | 'defaultKeys' | 'open' | 'close' | 'health' | 'changes'
>

/** A call that the store has answered, as it is told to observers at that very moment. */
export type AppliedCall = {
  readonly [M in Method]: {
    readonly method: M
    readonly args: Parameters<SessionStore[M]>
    readonly answer: Awaited<ReturnType<SessionStore[M]>>
    /** What `observer.asking` was at the time of the call. */
    readonly asker: unknown
    /** Which node asked. */
    readonly node: string
    /** When it was answered, by the steady clock. */
    readonly now: number
  }
}[Method]

export interface StoreObserver {
  /** On whose behalf the next calls are made. */
  readonly asking: unknown
  applied(call: AppliedCall): void
  /** The answer has arrived at the node that asked. */
  acknowledged(call: AppliedCall): void
  /** Waits until every feed has brought what was changed by now. */
  told(): Promise<unknown>
  subscribed(feed: ScheduledFeed): void
  /** Something worth counting has happened. */
  count(what: string): void
  name(id: SessionId | null): string
}

export interface ScheduledStoreOptions {
  readonly node: string
  readonly scheduler: Scheduler
  readonly observer: StoreObserver
  /** Milliseconds that a call may take, until its answer has arrived. */
  readonly within: number
  /** The clock of the store, whatever those of its nodes show. */
  readonly environment: Environment
  /** How often the node's feed of changes may break. */
  readonly breaks: number
}

/**
 * A real store whose every call waits for its turn twice: before it is applied, and again before its answer arrives. So
 * a call may be applied long after it was made, and an answer may be old when it comes.
 */
export class ScheduledStore implements SessionStore {
  readonly name: string
  readonly capabilities: StoreCapabilities
  readonly #inner: SessionStore
  readonly #options: ScheduledStoreOptions
  readonly changes?: (receiver: ChangeReceiver) => Promise<ChangeFeed>

  constructor(inner: SessionStore, options: ScheduledStoreOptions) {
    this.name = inner.name
    this.capabilities = inner.capabilities
    this.#inner = inner
    this.#options = options
    if (inner.changes) this.changes = (receiver) => this.#subscribe(receiver)
  }

  async open(context: StoreContext): Promise<void> {
    await this.#inner.open({ ...context, environment: this.#options.environment })
  }

  /** The real one stays open: other nodes and other orders use it. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  health(): Promise<StoreHealth> {
    return this.#inner.health()
  }

  create(session: NewSession): Promise<CreateResult> {
    return this.#call('create', write(session.id), [session], () => this.#inner.create(session))
  }

  find(id: SessionId): Promise<FindResult> {
    // What is past a deadline is ended by being looked at.
    return this.#call('find', read(id), [id], () => this.#inner.find(id))
  }

  mutate(id: SessionId, operations: readonly Operation[], options: MutateOptions): Promise<MutateResult> {
    const apply = () => this.#inner.mutate(id, operations, options)
    return this.#call('mutate', write(id), [id, operations, options], apply)
  }

  rotate(id: SessionId, change: RotationChange): Promise<RotateResult> {
    return this.#call('rotate', write(id), [id, change], () => this.#inner.rotate(id, change))
  }

  replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    const apply = () => this.#inner.replace(old, session, options)
    return this.#call('replace', WRITE_ALL, [old, session, options], apply)
  }

  touch(batch: readonly Touch[]): Promise<void> {
    const [only] = batch
    const effect = only && batch.length === 1 ? write(only.id) : WRITE_ALL
    return this.#call('touch', effect, [batch], () => this.#inner.touch(batch))
  }

  end(id: SessionId, options: EndOptions): Promise<EndResult> {
    const effect = options.follow ? WRITE_ALL : write(id)
    return this.#call('end', effect, [id, options], () => this.#inner.end(id, options))
  }

  endUser(userId: string, options: EndUserOptions): Promise<EndUserResult> {
    return this.#call('endUser', WRITE_ALL, [userId, options], () => this.#inner.endUser(userId, options))
  }

  endEveryone(options: Parameters<SessionStore['endEveryone']>[0]): Promise<void> {
    return this.#call('endEveryone', WRITE_ALL, [options], () => this.#inner.endEveryone(options))
  }

  epochs(userId: string): Promise<{ readonly user: string }> {
    return this.#call('epochs', READ_ALL, [userId], () => this.#inner.epochs(userId))
  }

  list(userId: string, page: Parameters<SessionStore['list']>[1]): Promise<ListResult> {
    return this.#call('list', READ_ALL, [userId, page], () => this.#inner.list(userId, page))
  }

  sweep(options: { readonly limit: number }): Promise<SweepResult> {
    return this.#call('sweep', WRITE_ALL, [options], () => this.#inner.sweep(options))
  }

  scan(page: Parameters<SessionStore['scan']>[0]): Promise<ScanResult> {
    return this.#call('scan', READ_ALL, [page], () => this.#inner.scan(page))
  }

  epochFor(session: Pick<SessionRecord, 'id' | 'userId'>): Promise<string> {
    return this.#call('epochFor', READ_ALL, [session], () => this.#inner.epochFor(session))
  }

  adopt(session: Live, options: Parameters<SessionStore['adopt']>[1]): Promise<AdoptResult> {
    return this.#call('adopt', WRITE_ALL, [session, options], () => this.#inner.adopt(session, options))
  }

  bury(tombstone: Tombstone, options: Parameters<SessionStore['bury']>[1]): Promise<BuryResult> {
    const apply = () => this.#inner.bury(tombstone, options)
    return this.#call('bury', write(tombstone.id), [tombstone, options], apply)
  }

  async #call<M extends Method>(
    method: M,
    effect: NonNullable<Effect['store']>,
    args: Parameters<SessionStore[M]>,
    apply: () => MaybePromise<Awaited<ReturnType<SessionStore[M]>>>,
  ): Promise<Awaited<ReturnType<SessionStore[M]>>> {
    const { node, scheduler, observer, within } = this.#options
    const asker = observer.asking
    const subject = effect.id === 'all' ? '' : ` ${observer.name(effect.id as SessionId)}`
    // Activity is recorded behind the back of the requests that it is about.
    const actor = method === 'touch' ? `${node} in the background` : scheduler.actor
    const asked = this.#now()
    await scheduler.point({ actor, label: `${node} ${method}${subject}`, effect: { store: effect }, within })
    const outcome = await scheduler.work(settled(apply))
    if (effect.writes) await scheduler.work(observer.told())
    const call = {
      method,
      args,
      answer: outcome.answer,
      asker,
      node,
      now: this.#now(),
    } as unknown as AppliedCall
    if (outcome.ok) {
      observer.applied(call)
      scheduler.note(describe(outcome.answer))
    }
    const left = within - (this.#now() - asked)
    await scheduler.point({
      actor,
      label: `${node} has its ${method} answered`,
      effect: { node },
      within: left,
    })
    if (!outcome.ok) throw outcome.error
    observer.acknowledged(call)
    return outcome.answer
  }

  #now(): number {
    return this.#options.environment.monotonic()
  }

  async #subscribe(receiver: ChangeReceiver): Promise<ChangeFeed> {
    const { node, scheduler, observer, breaks } = this.#options
    const feed = new ScheduledFeed(receiver, {
      node,
      scheduler,
      breaks,
      name: (id) => observer.name(id),
      onBreak: () => observer.count('feed broken'),
    })
    const inner = await this.#inner.changes?.(feed)
    if (inner) feed.start(inner)
    observer.subscribed(feed)
    return feed
  }
}

type Settled<T> =
  | { readonly ok: true; readonly answer: T }
  | { readonly ok: false; readonly answer: null; readonly error: unknown }

/** What is thrown at once and what is rejected later, alike. */
async function settled<T>(apply: () => MaybePromise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, answer: await apply() }
  } catch (error) {
    return { ok: false, answer: null, error }
  }
}

const WRITE_ALL = Object.freeze({ id: 'all', writes: true })
const READ_ALL = Object.freeze({ id: 'all', writes: false })

function write(id: SessionId): NonNullable<Effect['store']> {
  return { id, writes: true }
}

function read(id: SessionId): NonNullable<Effect['store']> {
  return { id, writes: false }
}

function describe(answer: unknown): string {
  const { outcome, status } = (answer ?? {}) as { readonly outcome?: string; readonly status?: string }
  return outcome ?? status ?? 'done'
}
