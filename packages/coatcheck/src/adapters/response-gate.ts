import type { MaybePromise } from '../core/maybe-promise.ts'
import { statusOf } from '../http/problem.ts'
import { haveHeadersLeft, type NodeResponse, SHOWN_AS_SENT } from './node-exchange.ts'
import { applyHead, discardPrepared } from './prepared-response.ts'

export interface GateOptions {
  /** What has to happen before headers leave: commit, cookies, cache headers. */
  finish(): MaybePromise<void>
  /** The framework's error path, after what was prepared has been discarded. Its response passes the gate again. */
  fail(error: unknown): void
  /** The exchange is over: the response has been sent, or the client has gone and `finish` has been called. */
  close(): void
}

type Held = 'writeHead' | 'flushHeaders' | 'write' | 'end'
type Method = (...args: readonly unknown[]) => unknown

interface Call {
  readonly method: Held
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
  readonly #originals: Methods
  /** All gates of this response, this one among them once it is installed. */
  readonly #gated: Gated
  readonly #depth: number
  /** Calls that wait for `finish`; `null` where none is under way. */
  #waiting: Call[] | null = null
  #mustDrain = false
  #finished = false
  #gone = false
  #failures = 0

  constructor(response: NodeResponse, options: GateOptions) {
    this.#response = response
    this.#options = options
    this.#gated = gatedOf(response)
    this.#depth = this.#gated.gates.length
    this.#originals = originalsOf(response as unknown as Methods)
  }

  install(): void {
    if (this.#depth === 0) this.#response.on('pipe', notePiped).on('close', closeGates)
    this.#gated.gates.push(this)
    const response = this.#response as unknown as Record<Held, Method>
    const { writeHead, flushHeaders, write, end } = methodsAt(this.#depth)
    // One by one, since `Object.assign` takes eight times as long, for every response.
    response.writeHead = writeHead
    response.flushHeaders = flushHeaders
    response.write = write
    response.end = end
  }

  /** Whether calls wait here, and whether the end of the response is among them. */
  get held(): 'nothing' | 'begun' | 'ended' {
    if (this.#waiting === null) return 'nothing'
    return this.#waiting.some(({ method }) => method === 'end') ? 'ended' : 'begun'
  }

  /** What the response's methods do once the gate is installed. */
  enter(method: Held, args: readonly unknown[]): unknown {
    // Methods of Node's call each other by way of the response: such a call has passed every gate further out already.
    if (this.#gated.passing <= this.#depth || haveHeadersLeft(this.#response)) return this.#call(method, args)
    if (this.#waiting) return this.#hold(this.#waiting, { method, args })
    // Node says what is wrong with such a status before anything is committed.
    if (method === 'writeHead' && !isStatus(args[0])) return this.#call(method, args)
    const given = method === 'writeHead' ? applyHead(this.#response, args) : args
    const finished = this.#finish()
    if (!(finished instanceof Promise)) return this.#pass(method, given)
    this.#wait(finished)
    return this.#hold(this.#waiting ?? [], { method, args: given })
  }

  /** Once the response has been sent, or the client has gone. */
  closed(): void {
    this.#gone = true
    // A handler that is still at work may yet end its response, which commits its writes: they are one request's, all or none.
    if (this.#finished) this.#options.close()
  }

  #call(method: Held, args: readonly unknown[]): unknown {
    return this.#originals[method].apply(this.#response, args as unknown[])
  }

  #pass(method: Held, args: readonly unknown[]): unknown {
    const { passing } = this.#gated
    this.#gated.passing = this.#depth
    try {
      return this.#call(method, args)
    } finally {
      this.#gated.passing = passing
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
    showAsSent(this.#response, this.#gated)
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
        const answer = this.#pass(call.method, call.args)
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
    for (const source of this.#gated.sources ?? []) source.unpipe(this.#response)
    this.#gated.sources = null
    // Who waits for room to go on with that body must not be told of the room that the error's makes.
    this.#response.removeAllListeners('drain')
    this.#mustDrain = false
    for (const { args } of calls) {
      const callback = args.find((arg): arg is Method => typeof arg === 'function')
      if (callback) queueMicrotask(() => callback(error))
    }
    if (!haveHeadersLeft(this.#response)) discardPrepared(this.#response, statusOf(error))
    this.#options.fail(error)
  }
}

/** What the gates of one response share: several kinds of sessions have one each. */
interface Gated {
  /** From the innermost, which was installed first, outwards. */
  readonly gates: ResponseGate[]
  /** What is piped to the response; made when needed, since most are not piped to. */
  sources: Set<Source> | null
  /** Depth of the innermost gate that is within a call of its original method. */
  passing: number
}

const GATED = Symbol('gates')

type MaybeGated = object & { [GATED]?: Gated }

function gatedOf(response: object): Gated {
  const gated: MaybeGated = response
  gated[GATED] ??= { gates: [], sources: null, passing: Number.POSITIVE_INFINITY }
  return gated[GATED]
}

function notePiped(this: MaybeGated, source: Source): void {
  const gated = gatedOf(this)
  gated.sources ??= new Set()
  gated.sources.add(source)
}

function closeGates(this: MaybeGated): void {
  for (const gate of gatedOf(this).gates) gate.closed()
}

/** While calls wait, the application sees what it would see without a gate. */
function showAsSent(response: NodeResponse & { [SHOWN_AS_SENT]?: boolean }, { gates }: Gated): void {
  if (response[SHOWN_AS_SENT] === true) return
  response[SHOWN_AS_SENT] = true
  const show = (name: 'headersSent' | 'writableEnded', isShown: () => boolean) =>
    Object.defineProperty(response, name, {
      configurable: true,
      get: () => isShown() || Reflect.get(Object.getPrototypeOf(response), name, response),
    })
  show('headersSent', () => gates.some(({ held }) => held !== 'nothing'))
  show('writableEnded', () => gates.some(({ held }) => held === 'ended'))
}

type Methods = Readonly<Record<Held, Method>>

/** Those of the response before this one, which nearly always has the same: made once, not for each. */
let latest: Methods | null = null

function originalsOf({ writeHead, flushHeaders, write, end }: Methods): Methods {
  const isLatest =
    latest?.writeHead === writeHead &&
    latest.flushHeaders === flushHeaders &&
    latest.write === write &&
    latest.end === end
  if (latest === null || !isLatest) latest = { writeHead, flushHeaders, write, end }
  return latest
}

/**
 * The methods of gated responses by the depth of the gate, the same for all responses, as their listeners are: closures
 * of its own on each kept V8 from freeing responses until the next full garbage collection.
 */
const methodsByDepth: Methods[] = []

function methodsAt(depth: number): Methods {
  const enter = (response: MaybeGated, method: Held, args: readonly unknown[]) =>
    response[GATED]?.gates[depth]?.enter(method, args)
  methodsByDepth[depth] ??= {
    writeHead(this: MaybeGated, ...args) {
      return enter(this, 'writeHead', args)
    },
    flushHeaders(this: MaybeGated, ...args) {
      return enter(this, 'flushHeaders', args)
    },
    write(this: MaybeGated, ...args) {
      return enter(this, 'write', args)
    },
    end(this: MaybeGated, ...args) {
      return enter(this, 'end', args)
    },
  }
  return methodsByDepth[depth]
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
