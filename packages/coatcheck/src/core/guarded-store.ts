import type { Environment } from './environment.ts'
import { isCoatcheckError, StoreError } from './errors.ts'
import { chain, type MaybePromise } from './maybe-promise.ts'
import { tellOwnChange } from './own-changes.ts'
import type { SessionId } from './record.ts'
import type { ChangeReceiver, FindResult, SessionStore, StoreContext, StoreHealth } from './store.ts'

type Method = Exclude<
  keyof SessionStore,
  'name' | 'capabilities' | 'defaultKeys' | 'open' | 'close' | 'health' | 'changes'
>
type Answer<M extends Method> = Awaited<ReturnType<SessionStore[M]>>

/**
 * The store as the manager calls it: every call has a deadline, and whatever goes wrong is a `StoreError` that was
 * reported once. So a store that is slow, down or broken leads to one declared outcome (P10, STO-05).
 */
export class GuardedStore {
  readonly store: SessionStore
  readonly #environment: Environment
  readonly #timeout: number
  readonly #report: (operation: string, error: StoreError) => void
  readonly #called: (operation: string) => void
  readonly #receiver: ChangeReceiver

  constructor(
    store: SessionStore,
    options: {
      readonly environment: Environment
      readonly timeout: number
      readonly report: (operation: string, error: StoreError) => void
      readonly called: (operation: string) => void
      /** Told of every change that this node makes. */
      readonly receiver: ChangeReceiver
    },
  ) {
    this.store = store
    this.#environment = options.environment
    this.#timeout = options.timeout
    this.#report = options.report
    this.#called = options.called
    this.#receiver = options.receiver
  }

  /** Calls one method; synchronous answers stay synchronous. */
  call<M extends Method>(method: M, ...args: Parameters<SessionStore[M]>): MaybePromise<Answer<M>> {
    let answer: MaybePromise<Answer<M>>
    this.#called(method)
    try {
      const run = this.store[method] as (...args: Parameters<SessionStore[M]>) => MaybePromise<Answer<M>>
      answer = run.apply(this.store, args)
    } catch (error) {
      throw this.#failed(method, error)
    }
    if (!(answer instanceof Promise)) return this.#told(method, args, answer)
    const told = answer.then((value) => this.#told(method, args, value))
    return this.inTime(method, told, (error) => this.#failed(method, error)).catch((error) => {
      tellOwnChange(this.#receiver, method, args, null)
      throw error
    })
  }

  /** `find`, whose answer decides about a request: one that is no answer about this very id is a failure too. */
  find(id: SessionId): MaybePromise<FindResult> {
    return chain(this.call('find', id), (found) => {
      if (isAbout(id, found)) return found
      const message = `The ${this.store.name} store answered find with something that is no such session.`
      throw this.#failed('find', new StoreError('ERR_STORE_CORRUPT', message, { retryable: false }))
    })
  }

  /** Opens the store; waits as long as that takes, since migrations may take their time. */
  async open(context: StoreContext): Promise<void> {
    try {
      await this.store.open(context)
    } catch (error) {
      // A wrong setting is the operator's to correct, not an outage.
      throw isCoatcheckError(error) && !('retryable' in error) ? error : this.#failed('open', error)
    }
  }

  /** Whether the store answers, in time. */
  health(): Promise<StoreHealth> {
    return this.inTime('health', this.store.health(), (error) => this.#failed('health', error))
  }

  /** What `answer` comes to, or `ERR_STORE_TIMEOUT` where that takes too long; `toError` says what a rejection becomes. */
  inTime<T>(operation: string, answer: Promise<T>, toError = (error: unknown) => error): Promise<T> {
    return new Promise((resolve, reject) => {
      let late = false
      const cancel = this.#environment.setTimer(this.#timeout, () => {
        late = true
        // The operation may still be applied, so a retry is only safe where it is idempotent.
        const message = `The ${this.store.name} store did not answer ${operation} within ${this.#timeout} ms.`
        reject(this.#failed(operation, new StoreError('ERR_STORE_TIMEOUT', message, { retryable: false })))
      })
      answer.then(
        (value) => {
          cancel()
          resolve(value)
        },
        (error) => {
          cancel()
          if (!late) reject(toError(error))
        },
      )
    })
  }

  #told<T>(method: Method, args: readonly unknown[], answer: T): T {
    tellOwnChange(this.#receiver, method, args, answer)
    return answer
  }

  #failed(operation: string, cause: unknown): StoreError {
    const error = toStoreError(this.store.name, operation, cause)
    this.#report(operation, error)
    return error
  }
}

/** Far from a proof of a well-formed record; enough that garbage is neither a session nor the lack of one. */
function isAbout(id: SessionId, found: Partial<FindResult> | null | undefined): boolean {
  switch (found?.status) {
    case 'live':
      return found.record?.id === id && typeof found.record.rotation?.secretHash === 'string'
    case 'ended':
      return found.tombstone?.id === id
    default:
      return found?.status === 'unknown'
  }
}

/** Errors of drivers and of third-party stores, in our own terms. */
function toStoreError(name: string, operation: string, cause: unknown): StoreError {
  if (cause instanceof StoreError || (isCoatcheckError(cause) && 'retryable' in cause))
    return cause as StoreError
  return new StoreError('ERR_STORE_UNAVAILABLE', `The ${name} store failed in ${operation}.`, {
    cause,
    retryable: false,
  })
}
