import type { Context, ErrorHandler, MiddlewareHandler } from 'hono'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Mode } from '../core/validator.ts'
import type { Connection } from '../http/exchange.ts'
import { propertyTaken } from '../http/expose-session.ts'
import { assertMiddlewareOptions, MIDDLEWARE_OPTIONS } from '../http/middleware-options.ts'
import { openSession } from '../http/open-session.ts'
import { openUpgradedSession } from '../http/open-upgrade.ts'
import type { OpenedSession } from '../http/opened-session.ts'
import { isRefusal, toProblem } from '../http/problem.ts'
import type { Session } from '../http/session.ts'
import type { Sessions } from '../http/sessions.ts'
import type { UpgradeTickets } from '../http/tickets.ts'
import { NO_RESPONSE, resolveOrigins } from '../http/upgrade.ts'
import { resolveUserGuard, type UserGuardOptions } from '../http/user-guard.ts'
import { FetchResponseHeaders } from './fetch-exchange.ts'
import { HonoExchange, type HonoPlatform, nodeBindings, targetOf } from './hono-exchange.ts'
import { noteOpened, openedOn } from './opened-requests.ts'
import { describesBody } from './prepared-response.ts'

export type { ApiKeyGuardOptions } from '../http/api-key-guard.ts'
export type { TrustProxy } from '../http/trusted-proxies.ts'
export type { UserGuardOptions } from '../http/user-guard.ts'
export { type HonoApiKeyOptions, requireApiKey } from './hono-api-keys.ts'
export { corsMiddleware } from './hono-cors.ts'
export type { HonoPlatform } from './hono-exchange.ts'
export { liveSocketEvents } from './hono-socket.ts'

export interface SessionMiddlewareOptions<P extends string | false = string | false, D = never>
  extends HonoPlatform {
  /** Name under which `c.var` and `c.get` have the session, typed so, besides `sessions.of(c)`; `false`: none. Default `'session'`. */
  readonly property?: P
  /** `read`: counts as activity and changes nothing else; `peek`: changes nothing at all. Default `full`. */
  readonly mode?: Mode
  /** Origins whose pages may open WebSockets. Default: the option `csrf.origins`, else scheme and host of the request itself. */
  readonly allowedOrigins?: readonly string[]
  /** For WebSockets of clients that cannot present their session (`createUpgradeTickets`). Default none are taken. */
  readonly tickets?: UpgradeTickets<D>
}

const KNOWN = {
  ...MIDDLEWARE_OPTIONS,
  allowedOrigins: null,
  tickets: null,
  clientAddress: null,
  trustProxy: null,
  connection: null,
}

/**
 * How a request came in, by the same options as for `sessionMiddleware`: for rate limits and the like, which need the whole
 * address of the client where sessions keep only its network.
 */
export function connectionOf(c: Context, platform: HonoPlatform = {}): Connection {
  return new HonoExchange(c, NO_RESPONSE, platform).connection
}

/** What `c.var` gains. */
export type SessionVariables<D, P extends string | false> = {
  Variables: { [K in P & string]: Session<D> }
}

/**
 * Opens the session of every request that passes, at once where the store answers at once. Writes are committed and
 * cookies set when the handlers have made their response; a body that streams on after that comes too late for both.
 *
 * Refusals (CSRF 403, two tokens 400, a store that is down 503) go to `app.onError`, and so does a commit that fails: the
 * response that was prepared is discarded then. What a handler wrote before it threw is dropped; the cookie of a login or
 * logout that happened is sent all the same. Hono answers 500 for whatever handlers throw, `session.assertFresh` for
 * instance, unless an error handler knows better: give `sessionErrors` to `app.onError`.
 *
 * A request for a WebSocket passes only if a page of this origin sent it (403 otherwise; TRN-08), and its session is for
 * reading. Give its events to `liveSocketEvents`, which closes it when the session ends.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { sessionErrors, sessionMiddleware } from 'coatcheck/hono'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { Hono } from 'hono'
 *
 * const sessions = createSessions<{ visits: number }>({ store: sqlite('./data/sessions.db') })
 * const app = new Hono().use(sessionMiddleware(sessions)).get('/', (c) => {
 *   const { session } = c.var
 *   session.add('visits', 1)
 *   return c.text(`Visit number ${session.get('visits')}`)
 * })
 * app.onError(sessionErrors(sessions))
 * ```
 */
export function sessionMiddleware<D, P extends string | false = 'session'>(
  sessions: Sessions<D>,
  options: SessionMiddlewareOptions<P, D> = {},
): MiddlewareHandler<SessionVariables<D, P>> {
  assertMiddlewareOptions(options, 'sessionMiddleware', KNOWN)
  const { mode = 'full', allowedOrigins, tickets } = options
  const property: string | false = options.property ?? 'session'
  const upgradeMode = mode === 'full' ? 'read' : mode
  const origins =
    allowedOrigins === undefined
      ? sessions.http.csrf.origin.origins
      : resolveOrigins(allowedOrigins, 'allowedOrigins')
  return async (c: Context, next) => {
    // Mounted for the whole application and for a part of it again: the first one counts.
    if (openedOn(c, sessions)) return next()
    if (isUpgrade(c)) {
      const exchange = new HonoExchange(c, NO_RESPONSE, options)
      const upgrade = await openUpgrade(sessions, exchange, { mode: upgradeMode, origins, tickets })
      if (!upgrade.ok) return new Response(null, { status: upgrade.status })
      if (upgrade.opened) expose(c, sessions, upgrade.opened, property)
      return next()
    }
    const headers = new FetchResponseHeaders()
    const opening = open(sessions, new HonoExchange(c, headers, options), mode)
    const opened = opening instanceof Promise ? await opening : opening
    if (!opened) return next()
    expose(c, sessions, opened, property)
    await new HandledRequest(c, sessions, opened, headers).run(next)
  }
}

/**
 * Lets signed-in users pass. Anybody else, or whose proof is not `fresh` or of that `level`, is redirected to a page
 * (`onMissing`, `onStale`) where a browser navigates, and gets `ERR_UNAUTHENTICATED` or `ERR_STEP_UP_REQUIRED` (401, RFC
 * 9470) through `app.onError` otherwise. Goes behind `sessionMiddleware`.
 */
export function requireUser<D>(sessions: Sessions<D>, options: UserGuardOptions = {}): MiddlewareHandler {
  const check = resolveUserGuard(options)
  return async (c, next) => {
    const header = (name: string) => c.req.header(name)
    const verdict = check(sessions.of(c), { method: c.req.method, url: targetOf(c.req.url), header })
    if (verdict === null) return next()
    if (verdict.kind === 'redirect') return c.redirect(verdict.location, 303)
    throw withResponse(verdict.error, sessions)
  }
}

/**
 * For `app.onError`: answers refusals of ours, whoever threw them, with their status as `application/problem+json` (RFC
 * 9457), and leaves anything else to `otherwise`. Default: what Hono does without an error handler.
 */
export function sessionErrors<D>(
  sessions: Sessions<D>,
  otherwise: ErrorHandler = answerUnknown,
): ErrorHandler {
  return (error, c) => (isRefusal(error) ? problemResponse(error, sessions) : otherwise(error, c))
}

/** One request with its session open, from the handlers to the response. */
class HandledRequest<D> {
  readonly #context: Context
  readonly #sessions: Sessions<D>
  readonly #opened: OpenedSession<D>
  readonly #headers: FetchResponseHeaders

  constructor(c: Context, sessions: Sessions<D>, opened: OpenedSession<D>, headers: FetchResponseHeaders) {
    this.#context = c
    this.#sessions = sessions
    this.#opened = opened
    this.#headers = headers
  }

  async run(next: () => Promise<void>): Promise<void> {
    const c = this.#context
    try {
      await next()
    } catch (error) {
      // Not an Error: Hono answers it with none of its error handlers.
      this.#opened.abandon()
      throw error
    }
    // Hono has caught what a handler threw, and made a response of it.
    if (c.error !== undefined || !c.finalized) this.#opened.abandon()
    if (!c.finalized) return
    await this.#finish()
    this.#closeAtEnd()
  }

  async #finish(): Promise<void> {
    const c = this.#context
    try {
      const finishing = this.#finished(c.res)
      this.#replace(finishing instanceof Promise ? await finishing : finishing)
    } catch (error) {
      this.#replace(await this.#finishedAtLeast(discarded(c.res)))
      throw withResponse(error, this.#sessions)
    }
  }

  #finished(response: Response): MaybePromise<Response> {
    this.#headers.prepare(response)
    const finishing = this.#opened.finish(response.status)
    return finishing instanceof Promise ? finishing.then(() => this.#taken()) : this.#taken()
  }

  #taken(): Response {
    const finished = this.#headers.take()
    this.#headers.sent = true
    return finished
  }

  async #finishedAtLeast(rest: Response): Promise<Response> {
    try {
      return await this.#finished(rest)
    } catch {
      return rest
    }
  }

  #replace(response: Response): void {
    const c = this.#context
    if (response === c.res) return
    // Hono would put the headers of the one before on the new one, its cookies in place of the new ones.
    c.res = undefined
    c.res = response
  }

  /** Where the platform tells when the response has been sent. */
  #closeAtEnd(): void {
    const outgoing = nodeBindings(this.#context)?.outgoing
    if (typeof outgoing?.once !== 'function') return
    if (outgoing.closed) this.#opened.close()
    else outgoing.once('close', () => this.#opened.close())
  }
}

function open<D>(
  sessions: Sessions<D>,
  exchange: HonoExchange,
  mode: Mode,
): MaybePromise<OpenedSession<D> | null> {
  const refuse = (error: unknown) => {
    throw withResponse(error, sessions)
  }
  try {
    const opening = openSession(sessions, exchange, { mode })
    return opening instanceof Promise ? opening.catch(refuse) : opening
  } catch (error) {
    return refuse(error)
  }
}

async function openUpgrade<D>(
  sessions: Sessions<D>,
  exchange: HonoExchange,
  options: Parameters<typeof openUpgradedSession<D>>[2],
): ReturnType<typeof openUpgradedSession<D>> {
  try {
    return await openUpgradedSession(sessions, exchange, options)
  } catch (error) {
    throw withResponse(error, sessions)
  }
}

function expose<D>(
  c: Context,
  sessions: Sessions<D>,
  opened: OpenedSession<D>,
  property: string | false,
): void {
  const { session } = opened
  noteOpened(c, sessions, opened)
  sessions.attach(c, session)
  sessions.attach(c.req.raw, session)
  if (property === false) return
  // Not `c.var`, which is a copy of all variables each time.
  if (c.get(property) !== undefined) throw propertyTaken(property)
  c.set(property, session)
}

function isUpgrade(c: Context): boolean {
  return c.req.method === 'GET' && c.req.header('upgrade')?.toLowerCase() === 'websocket'
}

/**
 * An empty response with the headers of one that is not sent which do not describe its body. Hono adds them to the
 * response of the error handler; that is how a login's cookie gets there.
 */
function discarded({ body, headers }: Response): Response {
  if (body && !body.locked) body.cancel().catch(() => {})
  const kept = new Headers(headers)
  for (const name of [...kept.keys()]) {
    if (describesBody(name)) kept.delete(name)
  }
  kept.set('cache-control', 'no-store')
  return new Response(null, { headers: kept })
}

/** Lets Hono's own error handler, which asks errors for their response, answer a refusal of ours with its status. */
function withResponse<D>(error: unknown, sessions: Sessions<D>): unknown {
  if (!isRefusal(error)) return error
  return Object.assign(error, { getResponse: () => problemResponse(error, sessions) })
}

function problemResponse<D>(error: unknown, { http }: Sessions<D>): Response {
  const { status, headers, body } = toProblem(error, http)
  return new Response(body, { status, headers })
}

const answerUnknown: ErrorHandler = (error, c) => {
  if ('getResponse' in error) return error.getResponse()
  // biome-ignore lint/suspicious/noConsole: what Hono does; a fault that nobody is told about could never be found
  console.error(error)
  return c.text('Internal Server Error', 500)
}
