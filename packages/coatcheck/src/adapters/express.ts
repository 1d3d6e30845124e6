import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Mode } from '../core/validator.ts'
import { exposeSession } from '../http/expose-session.ts'
import { assertMiddlewareOptions, MIDDLEWARE_OPTIONS } from '../http/middleware-options.ts'
import { openSession } from '../http/open-session.ts'
import type { OpenedSession } from '../http/opened-session.ts'
import type { Sessions } from '../http/sessions.ts'
import { resolveUserGuard, type UserGuardOptions } from '../http/user-guard.ts'
import { withHeaders } from './error-headers.ts'
import { createExpressExchange } from './express-exchange.ts'
import { noteOpened, openedOn } from './opened-requests.ts'
import { type GateOptions, ResponseGate } from './response-gate.ts'

export type { ApiKeyGuardOptions } from '../http/api-key-guard.ts'
export type { UserGuardOptions } from '../http/user-guard.ts'
export { requireApiKey } from './express-api-keys.ts'
export { corsMiddleware } from './express-cors.ts'

export interface SessionMiddlewareOptions {
  /** Property of the request that holds the session besides `sessions.of(request)`; `false`: none. Default `'session'`. */
  readonly property?: string | false
  /** `read`: counts as activity and changes nothing else; `peek`: changes nothing at all. Default `full`. */
  readonly mode?: Mode
}

/**
 * Opens the session of every request that passes. Writes are committed and cookies set just before the response's
 * headers leave. Refusals (CSRF 403, two tokens 400, a store that is down 503) go to the error handlers, and so does a
 * commit that fails: the response that was prepared is discarded then.
 *
 * A middleware is not told what a later handler throws. Mount `sessionErrors` before the error handlers, so that what
 * such a handler wrote to the session is dropped; without it that happens for responses of status 500 and above only.
 *
 * `TypeScript` knows `sessions.of(request)`; the property is for templates and for code that is not typed, since two
 * libraries that augment Express' types with it would collide.
 *
 * @example
 * ```ts
 * import express from 'express'
 * import { createSessions } from 'coatcheck'
 * import { sessionErrors, sessionMiddleware } from 'coatcheck/express'
 * import { sqlite } from 'coatcheck/sqlite'
 *
 * const sessions = createSessions<{ visits: number }>({ store: sqlite('./data/sessions.db') })
 * const app = express()
 * app.use(sessionMiddleware(sessions))
 * app.get('/', (request, response) => {
 *   const session = sessions.of(request)
 *   session.add('visits', 1)
 *   response.send(`Visit number ${session.get('visits')}`)
 * })
 * app.use(sessionErrors(sessions))
 * ```
 */
export function sessionMiddleware<D>(
  sessions: Sessions<D>,
  options: SessionMiddlewareOptions = {},
): RequestHandler {
  assertMiddlewareOptions(options, 'sessionMiddleware', MIDDLEWARE_OPTIONS)
  const { property = 'session', mode = 'full' } = options
  return (request, response, next) => {
    // Mounted for the whole application and for a part of it again: the first one counts.
    if (openedOn(request, sessions)) {
      next()
      return
    }
    const turn = new ExpressTurn(sessions, property, request, response, next)
    try {
      const opening = openSession(sessions, createExpressExchange(request, response), { mode })
      if (opening instanceof Promise) turn.proceedWith(opening)
      else turn.proceed(opening)
    } catch (error) {
      turn.refuse(error)
    }
  }
}

/**
 * Lets signed-in users pass. Anybody else, or whose proof is not `fresh` or of that `level`, is redirected to a page
 * (`onMissing`, `onStale`) where a browser navigates, and gets `ERR_UNAUTHENTICATED` or `ERR_STEP_UP_REQUIRED` (401, RFC
 * 9470) through the error handlers otherwise. Goes behind `sessionMiddleware`.
 */
export function requireUser<D>(sessions: Sessions<D>, options: UserGuardOptions = {}): RequestHandler {
  const check = resolveUserGuard(options)
  return (request, response, next) => {
    const { method, originalUrl } = request
    const header = (name: string) => request.get(name)
    const verdict = check(sessions.of(request), { method, url: originalUrl, header })
    if (verdict === null) next()
    else if (verdict.kind === 'redirect') response.redirect(303, verdict.location)
    else next(withHeaders(verdict.error, sessions))
  }
}

/**
 * An error handler that drops what the handler that threw had written to the session, whatever the error's status, and
 * passes the error on. Errors of ours get the headers that belong to them (`WWW-Authenticate`, `Retry-After`), which
 * Express' own error handler sends. Goes behind the routes and before other error handlers.
 */
export function sessionErrors<D>(sessions: Sessions<D>): ErrorRequestHandler {
  // Four parameters are what makes it an error handler.
  return (error: unknown, request, _response, next) => {
    openedOn(request, sessions)?.abandon()
    next(withHeaders(error, sessions))
  }
}

/** One request on its way; also what its gate asks. */
class ExpressTurn<D> implements GateOptions {
  readonly #sessions: Sessions<D>
  readonly #property: string | false
  readonly #request: Request
  readonly #response: Response
  readonly #next: NextFunction
  #opened: OpenedSession<D> | null = null

  constructor(
    sessions: Sessions<D>,
    property: string | false,
    request: Request,
    response: Response,
    next: NextFunction,
  ) {
    this.#sessions = sessions
    this.#property = property
    this.#request = request
    this.#response = response
    this.#next = next
  }

  proceed(opened: OpenedSession<D> | null): void {
    if (opened) this.#begin(opened)
    this.#next()
  }

  proceedWith(opening: Promise<OpenedSession<D> | null>): void {
    opening.then((opened) => this.proceed(opened)).catch((error) => this.refuse(error))
  }

  refuse(error: unknown): void {
    this.#next(withHeaders(error, this.#sessions))
  }

  finish(): MaybePromise<void> {
    return this.#opened?.finish(this.#response.statusCode)
  }

  fail(error: unknown): void {
    // The router that is at work knows its own error handlers; ours may be an outer one.
    const proceed = this.#request.next ?? this.#next
    proceed(withHeaders(error, this.#sessions))
  }

  close(): void {
    this.#opened?.close()
  }

  #begin(opened: OpenedSession<D>): void {
    this.#opened = opened
    this.#sessions.attach(this.#request, opened.session)
    noteOpened(this.#request, this.#sessions, opened)
    new ResponseGate(this.#response, this).install()
    if (this.#property !== false) exposeSession(this.#request, this.#property, opened.session)
  }
}
