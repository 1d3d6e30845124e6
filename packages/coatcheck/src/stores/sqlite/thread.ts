import nodeModule from 'node:module'
import { Worker } from 'node:worker_threads'
import { type CoatcheckError, ConfigError, StoreError } from '../../core/errors.ts'
import type { Outcome } from './calls.ts'
import type { DatabaseSettings } from './connections.ts'
import { type FailureMessage, fromFailureMessage } from './failures.ts'

export interface ToThread {
  /** See `encodeCall`. */
  readonly calls: readonly string[]
  /** Whether these are the last. */
  readonly close: boolean
}

/** Outcomes come in the order of the calls. */
export type FromThread =
  | { readonly kind: 'opened' }
  | { readonly kind: 'failed'; readonly failure: FailureMessage }
  | { readonly kind: 'outcomes'; readonly outcomes: readonly Outcome[] }

interface Pending {
  readonly resolve: (answer: string) => void
  readonly reject: (error: CoatcheckError) => void
}

/** Beside this file, in the form in which it runs: TypeScript in a checkout, JavaScript in the package. */
const WORKER_URL = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/**
 * One life of the writing thread, from its start to its end, expected or not. It keeps the process alive only while a
 * call waits for its answer.
 */
export class Thread {
  /** Settles once the database is open, or with the reason why it is not. */
  readonly opened: Promise<void>
  /** Resolves when the thread has ended, however. */
  readonly ended: Promise<void>
  readonly #path: string
  readonly #worker: Worker
  readonly #pending: Pending[] = []
  readonly #outbox: string[] = []
  #isOpen = false
  #isClosing = false
  /** Why it takes no more calls. */
  #end: CoatcheckError | null = null

  constructor(settings: DatabaseSettings) {
    this.#path = settings.path
    this.#worker = startWorker(settings)
    const opened = Promise.withResolvers<void>()
    this.opened = opened.promise
    this.#worker.on('message', (message: FromThread) => {
      if (message.kind === 'outcomes') this.#settle(message.outcomes)
      else if (message.kind === 'failed') this.#fail(fromFailureMessage(message.failure), opened.reject)
      else {
        this.#isOpen = true
        opened.resolve()
      }
      this.#holdProcess()
    })
    this.#worker.on('error', (cause) => this.#fail(this.#crash(cause), opened.reject))
    this.ended = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#fail(this.#crash(undefined), opened.reject)
        resolve()
      })
    })
    // Calls wait for their own answers; not everybody waits for the opening.
    this.opened.catch(() => {})
  }

  /** Whether it takes calls. */
  get isRunning(): boolean {
    return this.#end === null
  }

  /** Sends a call with all others of this turn; resolves with its answer. */
  call(text: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    if (this.#end) {
      reject(this.#end)
      return promise
    }
    this.#pending.push({ resolve, reject })
    this.#outbox.push(text)
    if (this.#outbox.length === 1) queueMicrotask(() => this.#flush(false))
    this.#holdProcess()
    return promise
  }

  /** Ends the thread once all calls are answered. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#holdProcess()
    this.#flush(true)
    await this.ended
  }

  #flush(close: boolean): void {
    if (this.#outbox.length === 0 && !close) return
    const message: ToThread = { calls: this.#outbox.splice(0), close }
    this.#worker.postMessage(message)
  }

  #settle(outcomes: readonly Outcome[]): void {
    const settled = this.#pending.splice(0, outcomes.length)
    for (const [index, { resolve, reject }] of settled.entries()) {
      const outcome = outcomes[index]
      if (outcome?.ok) resolve(outcome.answer)
      else if (outcome) reject(fromFailureMessage(outcome.failure))
    }
  }

  /** Answers what is pending, and all later calls, with `error`. The first reason stays. */
  #fail(error: CoatcheckError, rejectOpened: (error: CoatcheckError) => void): void {
    this.#end ??= error
    rejectOpened(this.#end)
    for (const { reject } of this.#pending.splice(0)) reject(this.#end)
  }

  #holdProcess(): void {
    if (this.#pending.length > 0 || !this.#isOpen || this.#isClosing) this.#worker.ref()
    else this.#worker.unref()
  }

  #crash(cause: unknown): CoatcheckError {
    if (!this.#isOpen) return cannotStart(cause)
    // Whether calls in flight were applied nobody knows.
    return new StoreError(
      'ERR_STORE_UNAVAILABLE',
      `The writing thread of the session database ${this.#path} stopped; the next call starts another.`,
      { cause, retryable: false },
    )
  }
}

function startWorker(settings: DatabaseSettings): Worker {
  try {
    // Options and environment of the process are not inherited: a preloaded module would run, and maybe open the store,
    // in this thread too. That node:sqlite is experimental, Node 22 says in the main thread already.
    const execArgv = ['--disable-warning=ExperimentalWarning']
    // Where compiled code is kept is handed on: with it the thread starts several times as quickly. Not every runtime can.
    const cache = nodeModule.getCompileCacheDir?.()
    const env = cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }
    return new Worker(WORKER_URL, { name: 'coatcheck sqlite', workerData: settings, execArgv, env })
  } catch (cause) {
    throw cannotStart(cause)
  }
}

function cannotStart(cause: unknown): ConfigError {
  return new ConfigError(
    'ERR_PLATFORM',
    `The writing thread of the sqlite store cannot start from ${WORKER_URL}: leave coatcheck out of bundles, and under Node's permission model allow workers.`,
    { cause },
  )
}
