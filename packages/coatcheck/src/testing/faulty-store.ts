import type { Environment } from '../core/environment.ts'
import { StoreError } from '../core/errors.ts'
import type { KeySource } from '../core/keys.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Operation, SessionId, Tombstone } from '../core/record.ts'
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
} from '../core/store.ts'

/** What can be made to go wrong. */
export type StoreMethod = Exclude<
  keyof SessionStore,
  'name' | 'capabilities' | 'defaultKeys' | 'close' | 'changes'
>

/** One call that the store was asked for, whatever came of it. */
export interface StoreCall {
  readonly method: StoreMethod
  readonly args: readonly unknown[]
}

export interface FaultOptions {
  /** How many calls the fault is for; after that the store works again. Default: until `heal`. */
  readonly times?: number
}

export interface FailOptions extends FaultOptions {
  /** Whether the operation is applied and only its answer is lost, as when a connection breaks. Default false. */
  readonly applied?: boolean
}

type Fault =
  | { readonly kind: 'fail'; left: number; readonly error: Error | undefined; readonly applied: boolean }
  | { readonly kind: 'hang'; left: number; readonly released: Promise<void>; readonly release: () => void }
  | { readonly kind: 'slow'; left: number; readonly delay: number }

const READS: ReadonlySet<StoreMethod> = new Set([
  'open',
  'find',
  'list',
  'scan',
  'epochs',
  'epochFor',
  'health',
])

/**
 * A store that works as the one it wraps, until it is told to fail, to hang or to be slow; and that remembers what it
 * was asked. For tests of what an application does when its sessions are in trouble.
 *
 * @example
 * ```ts
 * import { memory } from 'coatcheck/memory'
 * import { FaultyStore } from 'coatcheck/testing'
 *
 * const store = new FaultyStore(memory())
 * store.fail('mutate', undefined, { times: 1 })
 * ```
 */
export class FaultyStore implements SessionStore {
  readonly name: string
  readonly capabilities: StoreCapabilities
  readonly defaultKeys?: () => KeySource
  readonly changes?: (receiver: ChangeReceiver) => Promise<ChangeFeed>
  readonly #inner: SessionStore
  readonly #faults = new Map<StoreMethod | '*', Fault>()
  readonly #underWay = new Set<Promise<unknown>>()
  #calls: StoreCall[] = []
  #environment: Environment | null = null

  constructor(inner: SessionStore) {
    this.#inner = inner
    this.name = inner.name
    this.capabilities = inner.capabilities
    const { defaultKeys, changes } = inner
    if (defaultKeys) this.defaultKeys = () => defaultKeys.call(inner)
    if (changes) this.changes = (receiver) => changes.call(inner, receiver)
  }

  /** Every call so far, in order. */
  get calls(): readonly StoreCall[] {
    return this.#calls
  }

  /** The calls so far that can change something: all but `open`, `find`, `list`, `scan`, `epochs`, `epochFor` and `health`. */
  get writes(): readonly StoreCall[] {
    return this.#calls.filter(({ method }) => !READS.has(method))
  }

  /** Forgets the calls so far. */
  clearCalls(): void {
    this.#calls = []
  }

  /** Calls of `method` (`'*'`: of all methods) throw `error`; by default a `StoreError` as of an engine that is down. */
  fail(method: StoreMethod | '*', error?: Error, options: FailOptions = {}): void {
    const { times = Number.POSITIVE_INFINITY, applied = false } = options
    this.#faults.set(method, { kind: 'fail', left: times, error, applied })
  }

  /** Calls of `method` do not answer, until the function that is returned lets them go on (or `heal` does). */
  hang(method: StoreMethod | '*', options: FaultOptions = {}): () => void {
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    this.#faults.set(method, {
      kind: 'hang',
      left: options.times ?? Number.POSITIVE_INFINITY,
      released,
      release,
    })
    return release
  }

  /** Calls of `method` are applied at once and answered `delay` milliseconds later, by the clock of the sessions. */
  slow(method: StoreMethod | '*', delay: number, options: FaultOptions = {}): void {
    this.#faults.set(method, { kind: 'slow', left: options.times ?? Number.POSITIVE_INFINITY, delay })
  }

  /** Takes back what was told about `method`, or everything; calls that hang go on. */
  heal(method?: StoreMethod | '*'): void {
    for (const [name, fault] of [...this.#faults]) {
      if (method !== undefined && method !== name) continue
      if (fault.kind === 'hang') fault.release()
      this.#faults.delete(name)
    }
  }

  /** Waits until the wrapped store has answered every call that was passed on to it. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay)
  }

  async open(context: StoreContext): Promise<void> {
    this.#environment = context.environment
    await this.#call('open', [context], () => this.#inner.open(context))
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  async health(): Promise<StoreHealth> {
    try {
      return await this.#call('health', [], () => this.#inner.health())
    } catch (error) {
      return { ok: false, error: error instanceof Error ? error : new Error(String(error)) }
    }
  }

  async create(session: NewSession): Promise<CreateResult> {
    return this.#call('create', [session], () => this.#inner.create(session))
  }

  find(id: SessionId): MaybePromise<FindResult> {
    return this.#call('find', [id], () => this.#inner.find(id))
  }

  async mutate(
    id: SessionId,
    operations: readonly Operation[],
    options: MutateOptions,
  ): Promise<MutateResult> {
    return this.#call('mutate', [id, operations, options], () => this.#inner.mutate(id, operations, options))
  }

  async rotate(id: SessionId, change: RotationChange): Promise<RotateResult> {
    return this.#call('rotate', [id, change], () => this.#inner.rotate(id, change))
  }

  async replace(old: SessionId | null, session: NewSession, options: ReplaceOptions): Promise<ReplaceResult> {
    return this.#call('replace', [old, session, options], () => this.#inner.replace(old, session, options))
  }

  async touch(batch: readonly Touch[]): Promise<void> {
    return this.#call('touch', [batch], () => this.#inner.touch(batch))
  }

  async end(id: SessionId, options: EndOptions): Promise<EndResult> {
    return this.#call('end', [id, options], () => this.#inner.end(id, options))
  }

  async endUser(userId: string, options: EndUserOptions): Promise<EndUserResult> {
    return this.#call('endUser', [userId, options], () => this.#inner.endUser(userId, options))
  }

  async endEveryone(options: Parameters<SessionStore['endEveryone']>[0]): Promise<void> {
    return this.#call('endEveryone', [options], () => this.#inner.endEveryone(options))
  }

  async epochs(userId: string): Promise<{ readonly user: string }> {
    return this.#call('epochs', [userId], () => this.#inner.epochs(userId))
  }

  async list(userId: string, page: Parameters<SessionStore['list']>[1]): Promise<ListResult> {
    return this.#call('list', [userId, page], () => this.#inner.list(userId, page))
  }

  async sweep(options: Parameters<SessionStore['sweep']>[0]): Promise<SweepResult> {
    return this.#call('sweep', [options], () => this.#inner.sweep(options))
  }

  async scan(page: Parameters<SessionStore['scan']>[0]): Promise<ScanResult> {
    return this.#call('scan', [page], () => this.#inner.scan(page))
  }

  async epochFor(session: Parameters<SessionStore['epochFor']>[0]): Promise<string> {
    return this.#call('epochFor', [session], () => this.#inner.epochFor(session))
  }

  async adopt(session: Live, options: Parameters<SessionStore['adopt']>[1]): Promise<AdoptResult> {
    return this.#call('adopt', [session, options], () => this.#inner.adopt(session, options))
  }

  async bury(tombstone: Tombstone, options: Parameters<SessionStore['bury']>[1]): Promise<BuryResult> {
    return this.#call('bury', [tombstone, options], () => this.#inner.bury(tombstone, options))
  }

  #call<T>(method: StoreMethod, args: readonly unknown[], run: () => MaybePromise<T>): MaybePromise<T> {
    this.#calls.push({ method, args })
    const fault = this.#takeFault(method)
    return fault ? this.#faulty(fault, method, run) : this.#followed(run())
  }

  async #faulty<T>(fault: Fault, method: StoreMethod, run: () => MaybePromise<T>): Promise<T> {
    switch (fault.kind) {
      case 'fail':
        if (fault.applied) await this.#followed(run())
        throw fault.error ?? outage(this.name, method, fault.applied)
      case 'hang':
        await fault.released
        return this.#followed(run())
      case 'slow': {
        const answer = await this.#followed(run())
        await this.#pass(fault.delay)
        return answer
      }
    }
  }

  #takeFault(method: StoreMethod): Fault | null {
    for (const name of [method, '*'] as const) {
      const fault = this.#faults.get(name)
      if (!fault) continue
      fault.left -= 1
      if (fault.left <= 0) this.#faults.delete(name)
      return fault
    }
    return null
  }

  #followed<T>(answer: MaybePromise<T>): MaybePromise<T> {
    if (!(answer instanceof Promise)) return answer
    this.#underWay.add(answer)
    const done = () => {
      this.#underWay.delete(answer)
    }
    answer.then(done, done)
    return answer
  }

  #pass(delay: number): Promise<void> {
    return new Promise((resolve) => {
      this.#environment?.setTimer(delay, resolve)
    })
  }
}

function outage(name: string, method: StoreMethod, applied: boolean): StoreError {
  return new StoreError('ERR_STORE_UNAVAILABLE', `The ${name} store was told to fail in ${method}.`, {
    retryable: !applied,
  })
}
