import type { Environment } from './environment.ts'
import { isCoatcheckError, StoreError } from './errors.ts'
import { chain, type MaybePromise } from './maybe-promise.ts'
import type { SessionId } from './record.ts'
import type { FindResult, SessionStore } from './store.ts'

type Method = Exclude<
  keyof SessionStore,
  'name' | 'capabilities' | 'defaultKeys' | 'open' | 'close' | 'health'
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

  constructor(
    store: SessionStore,
    options: {
      readonly environment: Environment
      readonly timeout: number
      readonly report: (operation: string, error: StoreError) => void
    },
  ) {
    this.store = store
    this.#environment = options.environment
    this.#timeout = options.timeout
    this.#report = options.report
  }

  /** Calls one method; synchronous answers stay synchronous. */
  call<M extends Method>(method: M, ...args: Parameters<SessionStore[M]>): MaybePromise<Answer<M>> {
    let answer: MaybePromise<Answer<M>>
    try {
      const run = this.store[method] as (...args: Parameters<SessionStore[M]>) => MaybePromise<Answer<M>>
      answer = run.apply(this.store, args)
    } catch (error) {
      throw this.#failed(method, error)
    }
    return answer instanceof Promise ? this.#withDeadline(method, answer) : answer
  }

  /** `find`, whose answer decides about a request: one that is no answer about this very id is a failure too. */
  find(id: SessionId): MaybePromise<FindResult> {
    return chain(this.call('find', id), (found) => {
      if (isAbout(id, found)) return found
      const message = `The ${this.store.name} store answered find with something that is no such session.`
      throw this.#failed('find', new StoreError('ERR_STORE_CORRUPT', message, { retryable: false }))
    })
  }

  #withDeadline<T>(method: Method, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#environment.setTimer(this.#timeout, () => {
        // The operation may still be applied, so a retry is only safe where it is idempotent.
        const message = `The ${this.store.name} store did not answer ${method} within ${this.#timeout} ms.`
        reject(this.#failed(method, new StoreError('ERR_STORE_TIMEOUT', message, { retryable: false })))
      })
      answer.then(
        (value) => {
          cancel()
          resolve(value)
        },
        (error) => {
          cancel()
          reject(this.#failed(method, error))
        },
      )
    })
  }

  #failed(method: Method, cause: unknown): StoreError {
    const error = toStoreError(this.store.name, method, cause)
    this.#report(method, error)
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
function toStoreError(name: string, method: Method, cause: unknown): StoreError {
  if (cause instanceof StoreError || (isCoatcheckError(cause) && 'retryable' in cause))
    return cause as StoreError
  return new StoreError('ERR_STORE_UNAVAILABLE', `The ${name} store failed in ${method}.`, {
    cause,
    retryable: false,
  })
}
