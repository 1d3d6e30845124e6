import type { StoreHarness } from 'coatcheck/store-testing'
import { StoreError } from '../../src/core/errors.ts'
import type {
  FindResult,
  SessionStore,
  StoreCapabilities,
  StoreContext,
  StoreHealth,
} from '../../src/core/store.ts'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const RETENTION = 3_600_000

/** Several handles on one memory that outlives them, as a durable store of one machine has them. */
export class SharedMemory implements StoreHarness {
  readonly tombstoneRetention = RETENTION
  readonly environment: FakeEnvironment
  readonly precision: number
  #inner: SessionStore | null = null
  #open = 0
  /** Faults, for tests of the suite itself. */
  readonly #faults: { readonly forgetful?: boolean; readonly closesAll?: boolean }

  constructor(
    options: {
      readonly environment?: FakeEnvironment
      readonly precision?: number
      readonly forgetful?: boolean
      readonly closesAll?: boolean
    } = {},
  ) {
    this.environment = options.environment ?? new FakeEnvironment()
    this.precision = options.precision ?? 1
    this.#faults = options
  }

  async open(): Promise<SessionStore> {
    const context: StoreContext = { environment: this.environment, tombstoneRetention: RETENTION }
    if (!this.#inner) {
      this.#inner = memory()
      await this.#inner.open(context)
    }
    this.#open++
    return handle(this.#inner, () => this.#closed())
  }

  advance(milliseconds: number): void {
    this.environment.advance(milliseconds)
  }

  stepBack(milliseconds: number): void {
    this.environment.stepWallClock(-milliseconds)
  }

  async #closed(): Promise<void> {
    this.#open--
    if (this.#faults.closesAll) await this.#inner?.close()
    if (this.#faults.forgetful && this.#open === 0) this.#inner = null
  }
}

/** An environment whose clock runs on by itself, a little with each look, as that of a real server does. */
export class RunningEnvironment extends FakeEnvironment {
  override now(): number {
    this.advance(1)
    return super.now()
  }
}

/** A handle that lets other calls in before and after each of its own, and that can be closed by itself. */
function handle(inner: SessionStore, onClose: () => Promise<void>): SessionStore {
  const capabilities: StoreCapabilities = { shared: 'machine', durable: true, replace: 'transaction' }
  const pending = new Set<Promise<unknown>>()
  let closed = false
  const later = async (method: (...args: unknown[]) => unknown, args: unknown[]) => {
    if (closed) throw new StoreError('ERR_STORE_CLOSED', 'The handle is closed.', { retryable: true })
    await Promise.resolve()
    const answer = await method.apply(inner, args)
    await Promise.resolve()
    return answer
  }
  const own = {
    name: 'shared-memory',
    capabilities,
    async close() {
      if (closed) return
      closed = true
      await Promise.all(pending)
      await onClose()
    },
    async health(): Promise<StoreHealth> {
      if (closed) return { ok: false, error: new Error('closed') }
      return inner.health()
    },
  }
  return new Proxy(inner, {
    get(target, key) {
      if (key in own) return own[key as keyof typeof own]
      const method = Reflect.get(target, key) as unknown
      if (typeof method !== 'function') return method
      if (key === 'defaultKeys') return method.bind(target)
      return (...args: unknown[]): Promise<FindResult | unknown> => {
        const answer = later(method as (...args: unknown[]) => unknown, args)
        const settled = answer.catch(() => {})
        pending.add(settled)
        return answer.finally(() => pending.delete(settled))
      }
    },
  })
}
