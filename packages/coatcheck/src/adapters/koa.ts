import type { Context, Middleware } from 'koa'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Mode } from '../core/validator.ts'
import { exposeSession } from '../http/expose-session.ts'
import { assertMiddlewareOptions, MIDDLEWARE_OPTIONS } from '../http/middleware-options.ts'
import { openSession } from '../http/open-session.ts'
import type { OpenedSession } from '../http/opened-session.ts'
import { statusOf } from '../http/problem.ts'
import type { Sessions } from '../http/sessions.ts'
import { resolveUserGuard, type UserGuardOptions } from '../http/user-guard.ts'
import { withHeaders } from './error-headers.ts'
import { createKoaExchange } from './koa-exchange.ts'
import { noteOpened, openedOn } from './opened-requests.ts'
import { discardPrepared } from './prepared-response.ts'
import { type GateOptions, ResponseGate } from './response-gate.ts'

export type { ApiKeyGuardOptions } from '../http/api-key-guard.ts'
export type { UserGuardOptions } from '../http/user-guard.ts'
export { requireApiKey } from './koa-api-keys.ts'
export { corsMiddleware } from './koa-cors.ts'

export interface SessionMiddlewareOptions {
  /** Property of `ctx.state` that holds the session besides `sessions.of(ctx)`; `false`: none. Default `'session'`. */
  readonly property?: string | false
  /** `read`: counts as activity and changes nothing else; `peek`: changes nothing at all. Default `full`. */
  readonly mode?: Mode
}

/**
 * Opens the session of every request that passes. Writes are committed and cookies set when the middleware behind it is
 * done, or just before the headers of a response that it sends itself (`ctx.respond = false`). What middleware before it
 * writes on the way out comes too late.
 *
 * Refusals (CSRF 403, two tokens 400, a store that is down 503) are thrown for the error handling that is mounted before
 * it, or Koa's own, and so is a commit that fails: the response that was prepared is discarded then. What is written to
 * the session before something is thrown is dropped, and so it is where error handling behind it has made a status of 500
 * and above; the cookie of a login or logout that happened is sent all the same.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { sessionMiddleware } from 'coatcheck/koa'
 * import { sqlite } from 'coatcheck/sqlite'
 * import Koa from 'koa'
 *
 * const sessions = createSessions<{ visits: number }>({ store: sqlite('./data/sessions.db') })
 * const app = new Koa()
 * app.use(sessionMiddleware(sessions))
 * app.use((ctx) => {
 *   const session = sessions.of(ctx)
 *   session.add('visits', 1)
 *   ctx.body = `Visit number ${session.get('visits')}`
 * })
 * ```
 */
export function sessionMiddleware<D>(
  sessions: Sessions<D>,
  options: SessionMiddlewareOptions = {},
): Middleware {
  assertMiddlewareOptions(options, 'sessionMiddleware', MIDDLEWARE_OPTIONS)
  const { property = 'session', mode = 'full' } = options
  return async (context, next) => {
    // Mounted for the whole application and for a part of it again: the first one counts.
    if (openedOn(context, sessions)) return next()
    try {
      const opening = openSession(sessions, createKoaExchange(context), { mode })
      const opened = opening instanceof Promise ? await opening : opening
      if (!opened) return await next()
      if (property !== false) exposeSession(context.state, property, opened.session)
      const turn = begin(sessions, opened, context)
      await turn.handle(next)
      const committing = turn.commit()
      if (committing instanceof Promise) await committing
    } catch (error) {
      throw withHeaders(error, sessions)
    }
  }
}

/**
 * Lets signed-in users pass. Anybody else, or whose proof is not `fresh` or of that `level`, is redirected to a page
 * (`onMissing`, `onStale`) where a browser navigates; otherwise `ERR_UNAUTHENTICATED` or `ERR_STEP_UP_REQUIRED` (401, RFC
 * 9470) is thrown. Goes behind `sessionMiddleware`.
 */
export function requireUser<D>(sessions: Sessions<D>, options: UserGuardOptions = {}): Middleware {
  const check = resolveUserGuard(options)
  return async (context, next) => {
    const { method, originalUrl } = context
    const header = (name: string) => context.req.headers[name]?.toString()
    const verdict = check(sessions.of(context), { method, url: originalUrl, header })
    if (verdict === null) return next()
    if (verdict.kind === 'refuse') throw withHeaders(verdict.error, sessions)
    context.status = 303
    context.redirect(verdict.location)
  }
}

function begin<D>(sessions: Sessions<D>, opened: OpenedSession<D>, context: Context): KoaTurn<D> {
  const turn = new KoaTurn(sessions, opened, context)
  sessions.attach(context, opened.session)
  sessions.attach(context.req, opened.session)
  noteOpened(context, sessions, opened)
  new ResponseGate(context.res, turn).install()
  return turn
}

/** What happens to a session of one request when Koa's middleware is done, and when its response leaves, fails or ends. */
class KoaTurn<D> implements GateOptions {
  readonly #sessions: Sessions<D>
  readonly #opened: OpenedSession<D>
  readonly #context: Context

  constructor(sessions: Sessions<D>, opened: OpenedSession<D>, context: Context) {
    this.#sessions = sessions
    this.#opened = opened
    this.#context = context
  }

  async handle(next: () => Promise<unknown>): Promise<void> {
    try {
      await next()
    } catch (error) {
      const { res } = this.#context
      this.#opened.abandon()
      // Koa leaves such a response open; the client must not take what it has got for the whole.
      if (res.headersSent && !res.writableEnded) res.destroy()
      throw error
    }
  }

  /** While middleware can still see it fail. The headers are put on the response again when they leave, since error handling may take them off. */
  commit(): MaybePromise<void> {
    const { respond, res } = this.#context
    if (respond === false || res.headersSent) return
    try {
      const finishing = this.finish()
      if (finishing instanceof Promise) return finishing.catch((error: unknown) => this.#discard(error))
    } catch (error) {
      this.#discard(error)
    }
  }

  finish(): MaybePromise<void> {
    return this.#opened.finish(this.#context.res.statusCode)
  }

  fail(error: unknown): void {
    try {
      this.#context.onerror(withHeaders(error, this.#sessions) as Error)
    } catch {
      // A listener of the application's threw, and nobody else will end this response.
      this.#context.res.destroy()
    }
  }

  close(): void {
    this.#opened.close()
  }

  #discard(error: unknown): never {
    const status = statusOf(error)
    discardPrepared(this.#context.res, status)
    this.#context.body = undefined
    this.#context.status = status
    throw error
  }
}
