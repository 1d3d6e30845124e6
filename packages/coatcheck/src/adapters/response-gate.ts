import type { MaybePromise } from '../core/maybe-promise.ts'
import { statusOf } from '../http/problem.ts'
import { haveHeadersLeft, type NodeResponse } from './node-exchange.ts'
import { applyHead, discardPrepared } from './prepared-response.ts'

export interface GateOptions {
  /** What has to happen before headers leave: commit, cookies, cache headers. */
  finish(): MaybePromise<void>
  /** The framework's error path, after what was prepared has been discarded. Its response passes the gate again. */
  fail(error: unknown): void
  /** The exchange is over: the response has been sent, or the client has gone and `finish` has been called. */
  close(): void
}

type Gated = 'writeHead' | 'flushHeaders' | 'write' | 'end'
type Method = (...args: readonly unknown[]) => unknown

interface Call {
  readonly method: Gated
  readonly args: readonly unknown[]
}

interface Source {
  unpipe(destination: unknown): unknown
}

/** Attempts at a response before it leaves without us: `finish` failed for the prepared one and for that of the error. */
const MOST_FAILURES = 2

/**
 * Stands before a response of Node's and lets nothing leave until `finish` is done. Where that is at once, calls go
 * straight through. Where it takes time, they wait in order and the application sees a response whose headers are sent
 * and whose buffer is full; nothing is given up of what Node promises about callbacks and `'drain'`. Informational
 * responses (100, 102, 103) are not held up.
 */
export class ResponseGate {
  readonly #response: NodeResponse
  readonly #options: GateOptions
  readonly #originals: Readonly<Record<Gated, Method>>
  readonly #sources = new Set<Source>()
  /** Calls that wait for `finish`; `null` where none is under way. */
  #waiting: Call[] | null = null
  /** Within a call of the original method, which may call the others. */
  #passing = false
  #mustDrain = false
  #finished = false
  #gone = false
  #failures = 0

  constructor(response: NodeResponse, options: GateOptions) {
    this.#response = response
    this.#options = options
    const methods = response as unknown as Record<Gated, Method>
    this.#originals = {
      writeHead: methods.writeHead,
      flushHeaders: methods.flushHeaders,
      write: methods.write,
      end: methods.end,
    }
  }

  install(): void {
    const { key, methods } = levelOf(this.#response)
    Object.assign(this.#response, methods, { [key]: this })
    this.#response.on('pipe', (source: Source) => this.#sources.add(source))
    this.#response.once('close', () => this.#closed())
  }

  /** What the response's methods do once the gate is installed. */
  enter(method: Gated, args: readonly unknown[]): unknown {
    if (this.#passing || haveHeadersLeft(this.#response)) return this.#call(method, args)
    if (this.#waiting) return this.#hold(this.#waiting, { method, args })
    // Node says what is wrong with such a status before anything is committed.
    if (method === 'writeHead' && !isStatus(args[0])) return this.#call(method, args)
    const call = { method, args: method === 'writeHead' ? applyHead(this.#response, args) : args }
    const finished = this.#finish()
    if (!(finished instanceof Promise)) return this.#pass(call)
    this.#wait(finished)
    return this.#hold(this.#waiting ?? [], call)
  }

  #call(method: Gated, args: readonly unknown[]): unknown {
    return this.#originals[method].apply(this.#response, args as unknown[])
  }

  #pass({ method, args }: Call): unknown {
    this.#passing = true
    try {
      return this.#call(method, args)
    } finally {
      this.#passing = false
    }
  }

  /** A failure is always answered later: an application does not expect `end` to throw, or an error handler to run within. */
  #finish(): MaybePromise<void> {
    if (this.#failures >= MOST_FAILURES) return
    try {
      const finished = this.#options.finish()
      if (finished instanceof Promise) return finished.then(() => this.#done())
      this.#done()
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #done(): void {
    this.#finished = true
    if (this.#gone) this.#options.close()
  }

  #wait(finished: Promise<void>): void {
    this.#waiting = []
    this.#showAsSent()
    finished.then(
      () => this.#release(),
      (error) => this.#fail(error),
    )
  }

  #hold(waiting: Call[], call: Call): unknown {
    if (call.method === 'writeHead' && waiting.length > 0) throw headersSent()
    waiting.push(call)
    if (call.method === 'flushHeaders') return
    if (call.method !== 'write') return this.#response
    this.#mustDrain = true
    return false
  }

  #release(): void {
    const calls = this.#waiting ?? []
    this.#waiting = null
    let flowing = true
    for (const [index, call] of calls.entries()) {
      try {
        const answer = this.#pass(call)
        if (call.method === 'write') flowing = answer === true
      } catch (error) {
        this.#discard(calls.slice(index), error)
        return
      }
    }
    if (this.#mustDrain && flowing && !this.#response.writableEnded) this.#response.emit('drain')
    this.#mustDrain = false
  }

  #fail(error: unknown): void {
    const calls = this.#waiting ?? []
    this.#waiting = null
    this.#failures++
    this.#discard(calls, error)
  }

  /** The prepared response goes; who piped or wrote it must not write into the response that the error path makes. */
  #discard(calls: readonly Call[], error: unknown): void {
    for (const source of this.#sources) source.unpipe(this.#response)
    this.#sources.clear()
    this.#mustDrain = false
    for (const { args } of calls) {
      const callback = args.find((arg): arg is Method => typeof arg === 'function')
      if (callback) queueMicrotask(() => callback(error))
    }
    if (!haveHeadersLeft(this.#response)) discardPrepared(this.#response, statusOf(error))
    this.#options.fail(error)
  }

  #closed(): void {
    this.#gone = true
    // A handler that is still at work may yet end its response, which commits its writes: they are one request's, all or none.
    if (this.#finished) this.#options.close()
  }

  /** While calls wait, the application sees what it would see without a gate. */
  #showAsSent(): void {
    if (Object.hasOwn(this.#response, 'headersSent')) return
    const show = (name: 'headersSent' | 'writableEnded', isShown: () => boolean) =>
      Object.defineProperty(this.#response, name, {
        configurable: true,
        get: () => isShown() || Reflect.get(Object.getPrototypeOf(this.#response), name, this.#response),
      })
    show('headersSent', () => this.#waiting !== null)
    show('writableEnded', () => this.#waiting?.some(({ method }) => method === 'end') ?? false)
  }
}

/**
 * The methods of gated responses, the same for all of them: a closure of its own on each kept V8 from freeing responses
 * until the next full garbage collection. A second gate on a response is on the next level, whatever was wrapped around
 * the first one in between.
 */
class Level {
  readonly key = Symbol('gate')
  readonly methods: Readonly<Record<Gated, Method>>

  constructor() {
    const { key } = this
    this.methods = {
      writeHead(this: Guarded, ...args) {
        return this[key]?.enter('writeHead', args)
      },
      flushHeaders(this: Guarded, ...args) {
        return this[key]?.enter('flushHeaders', args)
      },
      write(this: Guarded, ...args) {
        return this[key]?.enter('write', args)
      },
      end(this: Guarded, ...args) {
        return this[key]?.enter('end', args)
      },
    }
  }
}

interface Guarded {
  readonly [level: symbol]: ResponseGate | undefined
}

const levels: Level[] = []

function levelOf(response: object): Level {
  const taken = levels.findIndex(({ key }) => !(key in response))
  const depth = taken === -1 ? levels.length : taken
  const level = levels[depth] ?? new Level()
  levels[depth] = level
  return level
}

function isStatus(status: unknown): boolean {
  const code = Number(status) | 0
  return code >= 100 && code <= 999
}

/** What Node throws where headers are written twice. */
function headersSent(): Error {
  const error = new Error('Cannot write headers after they are sent to the client')
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}
