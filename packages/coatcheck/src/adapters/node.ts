import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Mode } from '../core/validator.ts'
import type { Connection } from '../http/exchange.ts'
import { openSession } from '../http/open-session.ts'
import type { OpenedSession } from '../http/opened-session.ts'
import { isRefusal } from '../http/problem.ts'
import type { Session } from '../http/session.ts'
import type { Sessions } from '../http/sessions.ts'
import { skippedSession } from '../http/skipped-session.ts'
import type { TrustProxy } from '../http/trusted-proxies.ts'
import {
  connectionOf,
  haveHeadersLeft,
  NodeExchange,
  type NodePlatform,
  type NodeRequest,
  type NodeResponse,
  NodeResponseHeaders,
} from './node-exchange.ts'
import { sendProblem } from './prepared-response.ts'
import { printFault } from './print-fault.ts'
import { type GateOptions, ResponseGate } from './response-gate.ts'

export type { ApiKeyGuardOptions } from '../http/api-key-guard.ts'
export type { TrustProxy } from '../http/trusted-proxies.ts'
export { type NodeApiKeyGuard, type NodeApiKeyOptions, requireApiKey } from './node-api-keys.ts'
export { applyCors } from './node-cors.ts'
export { sendEventStream } from './node-event-stream.ts'
export type { NodeRequest, NodeResponse } from './node-exchange.ts'
export { openUpgrade, refuseUpgrade, type UpgradeOptions, type UpgradeResult } from './node-upgrade.ts'

export interface NodeSessionOptions {
  /** `read`: counts as activity and changes nothing else; `peek`: changes nothing at all. Default `full`. */
  readonly mode?: Mode
  /** Proxies whose `X-Forwarded-*` headers count. Default none. */
  readonly trustProxy?: TrustProxy
  /** Told of what the handler threw and of what no response can tell any more. Default: `console.error`. */
  readonly onError?: (error: unknown) => void
}

/**
 * Runs `handler` with the session of a request, at once where the store answers at once. Writes are committed and
 * cookies set just before the response's headers leave, whoever sends them.
 *
 * Never throws or rejects. Refusals of ours (CSRF, no user, a store that is down) are answered with their status as
 * `application/problem+json`; anything else that the handler throws is a 500 that says nothing, and goes to `onError`.
 * Where the response has begun, its connection is closed instead. What the handler wrote to the session before it threw
 * is dropped; the cookie of a login or logout that happened is sent all the same.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createSessions } from 'coatcheck'
 * import { withSession } from 'coatcheck/node'
 * import { sqlite } from 'coatcheck/sqlite'
 *
 * const sessions = createSessions<{ visits: number }>({ store: sqlite('./data/sessions.db') })
 * createServer((request, response) =>
 *   withSession(sessions, request, response, (session) => {
 *     session.add('visits', 1)
 *     response.end(`Visit number ${session.get('visits')}`)
 *   }),
 * ).listen(3000)
 * ```
 */
export function withSession<D>(
  sessions: Sessions<D>,
  request: NodeRequest,
  response: NodeResponse,
  handler: (session: Session<D>) => unknown,
  options: NodeSessionOptions = NO_OPTIONS,
): MaybePromise<void> {
  const handled = new HandledRequest(sessions, request, response, options)
  return handled.run(handler)
}

const NO_OPTIONS: NodeSessionOptions = Object.freeze({})

type Handler<D> = (session: Session<D>) => unknown

/** One request on its way; also what its exchange and its gate ask. */
class HandledRequest<D> implements NodePlatform, GateOptions {
  readonly #sessions: Sessions<D>
  readonly #request: NodeRequest
  readonly #response: NodeResponse
  readonly #options: NodeSessionOptions
  #opened: OpenedSession<D> | null = null

  constructor(
    sessions: Sessions<D>,
    request: NodeRequest,
    response: NodeResponse,
    options: NodeSessionOptions,
  ) {
    this.#sessions = sessions
    this.#request = request
    this.#response = response
    this.#options = options
  }

  run(handler: Handler<D>): MaybePromise<void> {
    try {
      const opening = this.#open()
      if (!(opening instanceof Promise)) return this.#handle(opening, handler)
      return opening.then(
        (opened) => this.#handle(opened, handler),
        (error) => this.#answer(error),
      )
    } catch (error) {
      this.#answer(error)
    }
  }

  get url(): string | undefined {
    return this.#request.url
  }

  connect(): Connection {
    return connectionOf(this.#request, this.#options.trustProxy)
  }

  finish(): MaybePromise<void> {
    return this.#opened?.finish(this.#response.statusCode)
  }

  fail(error: unknown): void {
    this.#answer(error)
  }

  close(): void {
    this.#opened?.close()
  }

  #open(): MaybePromise<OpenedSession<D> | null> {
    const exchange = new NodeExchange(this.#request, new NodeResponseHeaders(this.#response), this)
    return openSession(this.#sessions, exchange, this.#options)
  }

  #handle(opened: OpenedSession<D> | null, handler: Handler<D>): MaybePromise<void> {
    if (opened) this.#prepare(opened)
    try {
      const handled = handler(opened?.session ?? skippedSession(this.#sessions))
      if (!(handled instanceof Promise)) return
      return handled.then(
        () => {},
        (error) => this.#threw(opened, error),
      )
    } catch (error) {
      this.#threw(opened, error)
    }
  }

  #prepare(opened: OpenedSession<D>): void {
    this.#opened = opened
    this.#sessions.attach(this.#request, opened.session)
    new ResponseGate(this.#response, this).install()
  }

  #threw(opened: OpenedSession<D> | null, error: unknown): void {
    opened?.abandon()
    // A gate shows a response that waits for its commit as sent, and as ended where it is.
    if (this.#response.writableEnded) this.#report(error)
    else if (this.#response.headersSent) this.#breakOff(error)
    else this.#answer(error)
  }

  /** The client must not take what it has got for the whole. */
  #breakOff(error: unknown): void {
    this.#report(error)
    this.#response.destroy()
  }

  #answer(error: unknown): void {
    const response = this.#response
    if (haveHeadersLeft(response)) {
      this.#breakOff(error)
      return
    }
    if (!isRefusal(error)) this.#report(error)
    sendProblem(response, error, this.#sessions.http)
  }

  #report(error: unknown): void {
    try {
      const { onError = printFault } = this.#options
      onError(error)
    } catch (failure) {
      printFault(failure)
    }
  }
}
