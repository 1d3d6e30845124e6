import { cookies, headers } from 'next/headers.js'
import { cookieFor } from '../http/finisher.ts'
import { openSession } from '../http/open-session.ts'
import type { Session } from '../http/session.ts'
import type { Sessions } from '../http/sessions.ts'
import { skippedSession } from '../http/skipped-session.ts'
import { resolveUserGuard, type UserGuardOptions } from '../http/user-guard.ts'
import { type FetchSessionOptions, withSession as withFetchSession } from './fetch.ts'
import { isControlFlow } from './next-control-flow.ts'
import { ActionResponseHeaders, type CookieStore, parseSetCookie } from './next-cookies.ts'
import {
  connectionOf,
  isPrefetch,
  NextExchange,
  type NextPlatform,
  type RequestHeaders,
} from './next-exchange.ts'
import { type Turn, turnOf } from './next-turn.ts'

export type { ApiKeyGuardOptions } from '../http/api-key-guard.ts'
export type { UserGuardOptions } from '../http/user-guard.ts'
export { type NextApiKeyGuard, type NextApiKeyOptions, requireApiKey } from './next-api-keys.ts'
export type { NextPlatform, RequestHeaders } from './next-exchange.ts'

export interface NextSessionsOptions extends NextPlatform {
  /**
   * The response of a route handler for what it or the session throws; it carries the cookies of a login or logout that
   * happened before. Default, and where it answers `undefined`: refusals of ours as `application/problem+json`; anything
   * else is thrown on, for Next. Redirects and the like of Next are no errors.
   */
  readonly onError?: FetchSessionOptions['onError']
}

export interface NextUserGuardOptions extends UserGuardOptions {
  /** Where to return to after signing in: path and query of this page, which Next does not tell a component. Default: nowhere. */
  readonly returnTo?: string
}

export interface NextActionOptions {
  /** What the action was called with, where its field `_csrf` holds the CSRF token that `csrf.mode: 'token'` asks for. */
  readonly form?: FormData
}

/** Members may be taken off: `export const { readSession, withSession } = nextSessions(sessions)`. */
export interface NextSessions<D> {
  /**
   * The session for Server Components, layouts, `generateMetadata` and guards: counts as activity; never rotates, creates
   * or sets a cookie, and its writers throw `ERR_USAGE`. Asked several times in a request it looks the session up once;
   * after an action of the same request it shows what the action left. Makes the page dynamic, as `headers()` does.
   */
  readSession(): Promise<Session<D>>
  /**
   * Runs a server action, or a part of one, with the session. Writes are committed and the cookie set when `action` has
   * returned, or has thrown a `redirect()`, `notFound()` or the like of Next; if it throws anything else, its writes are
   * dropped, and the cookie of a login or logout that happened is set all the same. Throws `ERR_CSRF` where another site
   * sent the action, and `StoreError` where the store fails. In a component, where no cookie can be set, whatever needs
   * one throws `ERR_HEADERS_SENT`: use `readSession` there.
   */
  withSession<T>(action: (session: Session<D>) => T | Promise<T>, options?: NextActionOptions): Promise<T>
  /**
   * Runs a route handler with the session of its request, as `withSession` of `coatcheck/fetch` does. A `redirect()`,
   * `notFound()` or the like of Next that the handler throws is thrown on, once its writes are committed.
   */
  withSession(
    request: Request,
    handler: (session: Session<D>) => Response | Promise<Response>,
  ): Promise<Response>
  /**
   * The session of a signed-in user, for pages and actions. Anybody else, or whose proof is not `fresh` or of that
   * `level`, is redirected to `onMissing` or `onStale`; without such a page it throws `ERR_UNAUTHENTICATED` or
   * `ERR_STEP_UP_REQUIRED`. Guard pages and actions rather than layouts, which Next does not render again for each page.
   */
  requireUser(options?: NextUserGuardOptions): Promise<Session<D>>
}

/**
 * The sessions of an application for the App Router of Next.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { nextSessions } from 'coatcheck/next'
 * import { sqlite } from 'coatcheck/sqlite'
 *
 * const sessions = createSessions<{ visits: number }>({ store: sqlite('./data/sessions.db') })
 * const { readSession, withSession } = nextSessions(sessions)
 *
 * export async function page(): Promise<string> {
 *   const session = await readSession()
 *   return `Visits: ${session.get('visits')}`
 * }
 * export async function visit(): Promise<void> {
 *   await withSession((session) => session.add('visits', 1))
 * }
 * ```
 */
export function nextSessions<D>(sessions: Sessions<D>, options: NextSessionsOptions = {}): NextSessions<D> {
  const requests = new NextRequests(sessions, options)
  function withSession<T>(
    action: (session: Session<D>) => T | Promise<T>,
    options?: NextActionOptions,
  ): Promise<T>
  function withSession(
    request: Request,
    handler: (session: Session<D>) => Response | Promise<Response>,
  ): Promise<Response>
  function withSession<T>(
    subject: Request | ((session: Session<D>) => T | Promise<T>),
    second?: NextActionOptions | ((session: Session<D>) => Response | Promise<Response>),
  ): Promise<T | Response> {
    if (typeof subject !== 'function')
      return requests.handle(subject, typeof second === 'function' ? second : missing)
    return requests.act(subject, typeof second === 'object' ? second : {})
  }
  return {
    withSession,
    readSession: () => requests.read(),
    requireUser: (guard) => requests.requireUser(guard),
  }
}

class NextRequests<D> {
  readonly #sessions: Sessions<D>
  readonly #options: NextSessionsOptions

  constructor(sessions: Sessions<D>, options: NextSessionsOptions) {
    this.#sessions = sessions
    this.#options = options
  }

  async read(): Promise<Session<D>> {
    const requestHeaders = await headers()
    const turn = turnOf(requestHeaders, this.#sessions)
    turn.reading ??= this.#open(requestHeaders, turn)
    return turn.reading
  }

  async act<T>(action: (session: Session<D>) => T | Promise<T>, { form }: NextActionOptions): Promise<T> {
    const requestHeaders = await headers()
    const turn = turnOf(requestHeaders, this.#sessions)
    const response = new ActionResponseHeaders(await cookies())
    // An action is a POST. What else calls this is taken for one too: its origin is looked at.
    const exchange = await this.#exchange('POST', requestHeaders, response, turn)
    if (form) exchange.form = form
    const opened = await openSession(this.#sessions, exchange)
    if (!opened) return action(skippedSession(this.#sessions))
    const finish = async () => {
      await opened.finish()
      turn.reading = null
      if (response.hasWritten(cookieFor(exchange, this.#sessions.http))) turn.cookieChanged = true
    }
    let result: T
    try {
      result = await action(opened.session)
    } catch (error) {
      if (isControlFlow(error)) {
        await finish()
        throw error
      }
      opened.abandon()
      await finish().catch(() => {})
      throw error
    }
    await finish()
    return result
  }

  async handle(
    request: Request,
    handler: (session: Session<D>) => Response | Promise<Response>,
  ): Promise<Response> {
    const { onError } = this.#options
    let thrown: { readonly error: unknown } | null = null
    const answer = async (session: Session<D>) => {
      try {
        return await handler(session)
      } catch (error) {
        if (!isControlFlow(error)) throw error
        thrown = { error }
        return new Response(null, CONTROL_FLOW)
      }
    }
    const platform = { connection: connectionOf(request.headers, this.#options), ...(onError && { onError }) }
    const response = await withFetchSession(this.#sessions, request, answer, platform)
    // Else the commit has failed, and the response says so.
    if (thrown === null || response.statusText !== CONTROL_FLOW.statusText) return response
    await keepCookies(response)
    throw (thrown as { readonly error: unknown }).error
  }

  async requireUser({ returnTo = '', ...options }: NextUserGuardOptions = {}): Promise<Session<D>> {
    const check = resolveUserGuard(options)
    const session = await this.read()
    // Whoever renders a page navigates, also where Next's router fetches it.
    const header = (name: string) => (name === 'sec-fetch-mode' ? 'navigate' : undefined)
    const verdict = check(session, { method: 'GET', url: returnTo, header })
    if (verdict?.kind === 'redirect') {
      // Not before it is needed: it brings the router's parts, which a bundle of a route handler does not have.
      const { redirect } = await import('next/navigation.js')
      redirect(verdict.location)
    }
    if (verdict?.kind === 'refuse') throw verdict.error
    return session
  }

  async #open(requestHeaders: RequestHeaders, turn: Turn<D>): Promise<Session<D>> {
    const exchange = await this.#exchange('GET', requestHeaders, new ActionResponseHeaders(NO_COOKIES), turn)
    const mode = isPrefetch(requestHeaders) ? 'peek' : 'read'
    const opened = await openSession(this.#sessions, exchange, { mode })
    return opened?.session ?? skippedSession(this.#sessions)
  }

  async #exchange(
    method: string,
    requestHeaders: RequestHeaders,
    response: ActionResponseHeaders,
    turn: Turn<D>,
  ): Promise<NextExchange> {
    const exchange = new NextExchange(method, requestHeaders, response, this.#options)
    if (turn.cookieChanged) {
      const { name } = cookieFor(exchange, this.#sessions.http)
      const value = (await cookies()).get(name)?.value
      exchange.replaceCookie(value ? `${name}=${value}` : null)
    }
    return exchange
  }
}

/** Next puts the cookies of its store on the response that it makes of what was thrown, and no others. */
async function keepCookies(response: Response): Promise<void> {
  const store: CookieStore = await cookies()
  for (const setCookie of response.headers.getSetCookie()) {
    const { name, value, attributes } = parseSetCookie(setCookie)
    store.set(name, value, attributes)
  }
}

/** Carries the cookies out of the fetch adapter; nobody sends it. */
const CONTROL_FLOW = Object.freeze({ status: 204, statusText: 'coatcheck control flow' })

const NO_COOKIES: CookieStore = Object.freeze({ get: () => undefined, set: refuse, delete: refuse })

function refuse(): never {
  throw new TypeError('A component of Next cannot set cookies.')
}

function missing(): never {
  throw new TypeError('withSession of a request takes a handler as its second argument.')
}
