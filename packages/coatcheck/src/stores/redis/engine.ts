import { toBase64Url } from '../../core/encoding.ts'
import { ConfigError, StoreError } from '../../core/errors.ts'
import { systemEnvironment } from '../../core/platform.ts'
import type { StoreContext } from '../../core/store.ts'
import type { Confirmation, Driver } from './driver.ts'
import { corrupt, isMoving, toStoreError } from './failures.ts'
import { partitionKeys } from './partition-keys.ts'
import { type ScriptName, scriptOf } from './scripts.ts'

/** What a script answers: what came of it, the store's clock, and the rest that depends on it. */
export type Answer = readonly [outcome: string, now: number, ...rest: unknown[]]

/** Where the instants come from that scripts judge by: `''` for the clock of the server. */
export type Clock = (context: StoreContext) => string

/** How much longer than a tombstone Redis keeps what nobody has swept. */
const DAY = 86_400_000

/** How long a slot on the move is waited for, and how long between two attempts, in milliseconds. */
const MOVING_PATIENCE = 3_000
const MOVING_PAUSE = 30

/** How often a confirmed change may find its slot elsewhere. */
const REDIRECTIONS = 5

const NONCE_BYTES = 9

/** Runs scripts on partitions through the user's client, and reads their answers. */
export class Engine {
  readonly #driver: Driver
  readonly #keys: readonly (readonly string[])[]
  readonly #clock: Clock
  readonly #underWay = new Set<Promise<unknown>>()
  /** What is asked of replicas; `null` or 0 of them: nothing. */
  confirmation: Confirmation | null = null
  #context: StoreContext | null = null
  #closed = false
  /** What all marks of this engine begin with, and how many there were. */
  #origin = ''
  #calls = 0

  constructor(driver: Driver, prefix: string, clock: Clock) {
    this.#driver = driver
    this.#keys = partitionKeys(prefix)
    this.#clock = clock
  }

  open(context: StoreContext): void {
    if (this.#closed) throw closedError()
    this.#context = context
    this.#origin = this.nonce()
  }

  /** Refuses further calls and waits for those under way. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#underWay)
    this.#context = null
  }

  /** The context that the store is open with, until the last call under way is done. */
  get context(): StoreContext {
    if (this.#context === null) throw closedError()
    return this.#context
  }

  /** A fresh random value for an epoch or an operation. */
  nonce(): string {
    return toBase64Url(this.context.environment.randomBytes(NONCE_BYTES))
  }

  /** For how long keys are kept without a session, as scripts take it. */
  get keep(): string {
    return String(this.context.tombstoneRetention + DAY)
  }

  /** One operation, which `close` waits for whole, and which is refused after it. */
  during<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#context === null || this.#closed) return Promise.reject(closedError())
    const result = operation()
    this.#underWay.add(result)
    const done = () => this.#underWay.delete(result)
    result.then(done, done)
    return result
  }

  /** Runs a script on a partition. */
  async call(name: ScriptName, partition: number, args: readonly string[]): Promise<Answer> {
    const { script, keys, all, mark } = this.#prepared(name, partition, args)
    return parsed(await this.#whileMoving(() => this.#driver.run(script, keys, all)), mark)
  }

  /**
   * The same for what must not be lost with the primary: answers once as many replicas as asked for have it, else throws
   * `ERR_NOT_DURABLE`. Only for scripts that may be repeated.
   */
  async callConfirmed(name: ScriptName, partition: number, args: readonly string[]): Promise<Answer> {
    const { confirmation } = this
    if (confirmation === null || confirmation.replicas === 0) return this.call(name, partition, args)
    const { script, keys, all, mark } = this.#prepared(name, partition, args)
    for (let attempt = 1; ; attempt++) {
      const { answer, replicas } = await this.#whileMoving(() =>
        this.#driver.runConfirmed(script, keys, all, confirmation),
      )
      if (replicas !== null && replicas >= confirmation.replicas) return parsed(answer, mark)
      if (replicas !== null || attempt >= REDIRECTIONS) throw notDurable(confirmation, replicas ?? 0)
    }
  }

  #prepared(name: ScriptName, partition: number, args: readonly string[]) {
    const mark = `${this.#origin}${this.#calls++}`
    const all = [`${this.#clock(this.context)}#${mark}`, this.keep, ...args]
    return { script: scriptOf(name), keys: this.#keys[partition] ?? [], all, mark }
  }

  async #whileMoving<T>(run: () => Promise<T>): Promise<T> {
    const until = systemEnvironment.monotonic() + MOVING_PATIENCE
    for (;;) {
      try {
        return await run()
      } catch (error) {
        if (!isMoving(error) || systemEnvironment.monotonic() >= until) throw failure(error)
        await pause(MOVING_PAUSE)
      }
    }
  }
}

/**
 * What a script has answered to the call of this mark. A driver that has met garbage on its connection may go on one answer
 * behind, and would hand every caller what is somebody else's.
 */
function parsed(answer: unknown, mark: string): Answer {
  try {
    const list = JSON.parse(String(answer)) as unknown[]
    if (list.pop() === mark) return list as unknown as Answer
  } catch (cause) {
    throw corrupt(cause)
  }
  throw corrupt(new Error('Redis answered a call with what belongs to another one: connect anew.'))
}

function notDurable({ replicas, milliseconds }: Confirmation, had: number): StoreError {
  const message = `Only ${had} of ${replicas} replicas (option confirmations) had a change within ${milliseconds} ms; it was made all the same, and a fail-over may lose it.`
  return new StoreError('ERR_NOT_DURABLE', message, { retryable: false })
}

function failure(error: unknown): ConfigError | StoreError {
  return error instanceof ConfigError ? error : toStoreError(error)
}

function closedError(): StoreError {
  return new StoreError('ERR_STORE_CLOSED', 'The redis store is not open.', { retryable: true })
}

/** A moment of real time: what is waited for happens on servers, which no environment's clock moves. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    systemEnvironment.setTimer(milliseconds, resolve)
  })
}
