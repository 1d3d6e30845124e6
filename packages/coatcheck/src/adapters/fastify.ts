import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Mode } from '../core/validator.ts'
import { propertyTaken } from '../http/expose-session.ts'
import { assertMiddlewareOptions, assertSessions, MIDDLEWARE_OPTIONS } from '../http/middleware-options.ts'
import { openSession } from '../http/open-session.ts'
import { openUpgradedSession } from '../http/open-upgrade.ts'
import type { OpenedSession } from '../http/opened-session.ts'
import type { Sessions } from '../http/sessions.ts'
import type { UpgradeTickets } from '../http/tickets.ts'
import { NO_RESPONSE, resolveOrigins } from '../http/upgrade.ts'
import { resolveUserGuard, type UserGuardOptions } from '../http/user-guard.ts'
import { withHeaders } from './error-headers.ts'
import { createFastifyExchange } from './fastify-exchange.ts'
import { FastifyTurn } from './fastify-turn.ts'
import { NodeResponseHeaders } from './node-exchange.ts'
import { noteOpened, openedOn } from './opened-requests.ts'
import { ResponseGate } from './response-gate.ts'

export type { ApiKeyGuardOptions } from '../http/api-key-guard.ts'
export type { UserGuardOptions } from '../http/user-guard.ts'
export { requireApiKey } from './fastify-api-keys.ts'

export { corsHook } from './fastify-cors.ts'

export interface SessionPluginOptions<D> {
  readonly sessions: Sessions<D>
  /** Property of the request that reads as `sessions.of(request)`; `false`: none. Default `'session'`. */
  readonly property?: string | false
  /** `read`: counts as activity and changes nothing else; `peek`: changes nothing at all. Default `full`. */
  readonly mode?: Mode
  /** Where the session is opened. `preValidation`: after the body was parsed, so that a form can carry the CSRF token. Default `onRequest`. */
  readonly hook?: 'onRequest' | 'preValidation'
  /** Origins whose pages may open WebSockets. Default: the option `csrf.origins`, else scheme and host of the request itself. */
  readonly allowedOrigins?: readonly string[]
  /** For WebSockets of clients that cannot present their session (`createUpgradeTickets`). Default none are taken. */
  readonly tickets?: UpgradeTickets<D>
}

/**
 * Opens the session of every request to the instance that it is registered with and to those within. Hooks that were added
 * before it run before it; for them, and for other parts of the application, `sessions.of(request)` throws
 * `ERR_NO_SESSION_CONTEXT`. Writes are committed and cookies set just before the response's headers leave, whoever sends
 * them: `reply.send`, a stream, or `reply.raw`.
 *
 * Refusals (CSRF 403, two tokens 400, a store that is down 503) go to Fastify's error handlers, and so does a commit that
 * fails: the reply that was prepared is discarded then. What a handler or hook wrote to the session before it failed is
 * dropped; the cookie of a login or logout that happened is sent all the same. A reply that was hijacked is beyond
 * Fastify's error handlers: a commit that fails is answered as `application/problem+json` there.
 *
 * A request for a WebSocket (`@fastify/websocket`) passes only if a page of this origin sent it (403 otherwise; TRN-08), and its
 * session is for reading. Give it to `closeWithSession` with the socket.
 *
 * `TypeScript` knows `sessions.of(request)`; the property is for templates and for code that is not typed, or typed by
 * `request.getDecorator<Session<Data>>('session')`.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { sessionPlugin } from 'coatcheck/fastify'
 * import { sqlite } from 'coatcheck/sqlite'
 * import Fastify from 'fastify'
 *
 * const sessions = createSessions<{ visits: number }>({ store: sqlite('./data/sessions.db') })
 * const app = Fastify()
 * await app.register(sessionPlugin, { sessions })
 * app.get('/', async (request) => {
 *   const session = sessions.of(request)
 *   session.add('visits', 1)
 *   return `Visit number ${session.get('visits')}`
 * })
 * ```
 */
export function sessionPlugin<D>(
  fastify: FastifyInstance,
  options: SessionPluginOptions<D>,
  done: (error?: Error) => void,
): void {
  let problem: Error | undefined
  try {
    install(fastify, resolveOptions(options))
  } catch (error) {
    // Fastify would let the process end with what a plugin throws.
    problem = error as Error
  }
  done(problem)
}

/** Without this, hooks would end with the plugin itself instead of counting for the instance that registers it. */
Object.assign(sessionPlugin, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'coatcheck',
  [Symbol.for('plugin-meta')]: { name: 'coatcheck', fastify: '>=5' },
})

/** What the guard looks at, so that it fits every kind of server, route and type provider. */
interface GuardedRequest {
  readonly method: string
  readonly originalUrl: string
  readonly headers: { readonly [name: string]: string | string[] | undefined }
}

interface GuardedReply {
  redirect(url: string, statusCode: number): unknown
}

/**
 * A hook that lets signed-in users pass: `preHandler`, `preValidation`, or `onRequest` where the plugin's comes first.
 * Anybody else, or whose proof is not `fresh` or of that `level`, is redirected to a page (`onMissing`, `onStale`) where a
 * browser navigates, and gets `ERR_UNAUTHENTICATED` or `ERR_STEP_UP_REQUIRED` (401, RFC 9470) through the error handlers
 * otherwise.
 */
export function requireUser<D>(
  sessions: Sessions<D>,
  options: UserGuardOptions = {},
): (request: GuardedRequest, reply: GuardedReply, done: (error?: Error) => void) => void {
  const check = resolveUserGuard(options)
  return (request, reply, done) => {
    const { method, originalUrl, headers } = request
    const header = (name: string) => headers[name]?.toString()
    const verdict = check(sessions.of(request), { method, url: originalUrl, header })
    if (verdict === null) done()
    else if (verdict.kind === 'redirect') reply.redirect(verdict.location, 303)
    else done(withHeaders(verdict.error, sessions) as Error)
  }
}

/** `register` adds its own to what a plugin is given. */
const KNOWN = {
  ...MIDDLEWARE_OPTIONS,
  sessions: null,
  hook: ['onRequest', 'preValidation'],
  allowedOrigins: null,
  tickets: null,
  prefix: null,
  logLevel: null,
  logSerializers: null,
}

interface Settings<D> extends Required<Omit<SessionPluginOptions<D>, 'allowedOrigins' | 'tickets'>> {
  readonly origins: ReadonlySet<string> | null
  readonly tickets: UpgradeTickets<D> | undefined
}

function resolveOptions<D>(options: SessionPluginOptions<D>): Settings<D> {
  assertMiddlewareOptions(options, 'sessionPlugin', KNOWN)
  assertSessions(options.sessions, 'sessionPlugin.sessions')
  const {
    sessions,
    property = 'session',
    mode = 'full',
    hook = 'onRequest',
    allowedOrigins,
    tickets,
  } = options
  const origins =
    allowedOrigins === undefined
      ? sessions.http.csrf.origin.origins
      : resolveOrigins(allowedOrigins, 'allowedOrigins')
  return { sessions, property, mode, hook, origins, tickets }
}

function install<D>(fastify: FastifyInstance, settings: Settings<D>): void {
  const { sessions, property, hook } = settings
  if (property !== false) decorateRequests(fastify, property, sessions)
  const open = createOpener(settings)
  if (hook === 'onRequest') fastify.addHook('onRequest', open)
  else fastify.addHook('preValidation', open)
  fastify.addHook('onError', (request, reply, error, next) => {
    openedOn(request, sessions)?.abandon()
    withHeaders(error, sessions)
    if (reply.raw.headersSent) breakOff(reply)
    next()
  })
}

type Hook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

function createOpener<D>(settings: Settings<D>): Hook {
  const { sessions, mode } = settings
  return (request, reply, done) => {
    const proceed = (opened: OpenedSession<D> | null) => {
      if (opened) begin(sessions, opened, request, reply)
      done()
    }
    const refuse = (error: unknown) => done(withHeaders(error, sessions) as Error)
    // Registered for the whole application and for a part of it again: the first one counts.
    if (openedOn(request, sessions)) return done()
    if (isUpgrade(request)) return openUpgrade(settings, request, reply, done)
    let opening: MaybePromise<OpenedSession<D> | null>
    try {
      opening = openSession(sessions, createFastifyExchange(request, new NodeResponseHeaders(reply.raw)), {
        mode,
      })
    } catch (error) {
      return refuse(error)
    }
    if (opening instanceof Promise) opening.then(proceed, refuse)
    else proceed(opening)
  }
}

/** Where somebody listens for upgrades; without that, Node handles such a request as any other. */
function isUpgrade({ raw }: FastifyRequest): boolean {
  return (raw as { readonly upgrade?: boolean }).upgrade === true
}

/** There is no response: nothing to commit, and the session is watched until its socket is closed. */
function openUpgrade<D>(
  { sessions, mode, origins, tickets }: Settings<D>,
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  const exchange = createFastifyExchange(request, NO_RESPONSE)
  const options = { mode: mode === 'full' ? ('read' as const) : mode, origins, tickets }
  openUpgradedSession(sessions, exchange, options).then(
    (upgrade) => {
      if (!upgrade.ok) {
        reply.code(upgrade.status).header('cache-control', 'no-store').send()
        return
      }
      const { opened } = upgrade
      if (opened) {
        attach(sessions, opened, request)
        request.raw.socket.once('close', () => opened.close())
      }
      done()
    },
    (error) => done(withHeaders(error, sessions) as Error),
  )
}

/** On each instance: which sessions a property of its requests reads. */
const PROPERTIES = Symbol('coatcheck properties')

interface Decorated {
  [PROPERTIES]?: Readonly<Record<string, object>>
}

/**
 * On the prototype of the instance's requests, so that all keep one shape. A property that is taken throws `ERR_USAGE`:
 * whoever came second would otherwise read or save the other's object.
 */
function decorateRequests<D>(
  fastify: FastifyInstance & Decorated,
  property: string,
  sessions: Sessions<D>,
): void {
  const known = fastify[PROPERTIES] ?? {}
  if (fastify.hasRequestDecorator(property)) {
    if (known[property] === sessions) return
    throw propertyTaken(property)
  }
  fastify[PROPERTIES] = { ...known, [property]: sessions }
  fastify.decorateRequest(property, {
    getter() {
      return sessions.of(this)
    },
  })
}

function attach<D>(sessions: Sessions<D>, opened: OpenedSession<D>, request: FastifyRequest): void {
  sessions.attach(request, opened.session)
  sessions.attach(request.raw, opened.session)
  noteOpened(request, sessions, opened)
}

function begin<D>(
  sessions: Sessions<D>,
  opened: OpenedSession<D>,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  attach(sessions, opened, request)
  new ResponseGate(reply.raw, new FastifyTurn(sessions, opened, reply)).install()
}

/**
 * Of a response that has begun: the client must not take what it has got for the whole. Fastify would try to send the
 * error after it, and end the process with what Node says to that, unless it takes the reply for someone else's.
 */
function breakOff(reply: FastifyReply): void {
  reply.raw.destroy()
  reply.hijack()
}
