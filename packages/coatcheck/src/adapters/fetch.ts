import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Mode } from '../core/validator.ts'
import { openSession as openExchange } from '../http/open-session.ts'
import type { OpenedSession } from '../http/opened-session.ts'
import { isRefusal, toProblem } from '../http/problem.ts'
import type { Session } from '../http/session.ts'
import type { Sessions } from '../http/sessions.ts'
import { skippedSession } from '../http/skipped-session.ts'
import { FetchExchange, type FetchPlatform, type FetchResponseHeaders } from './fetch-exchange.ts'

export type { ApiKeyGuardOptions } from '../http/api-key-guard.ts'
export { type FetchApiKeyGuard, requireApiKey } from './fetch-api-keys.ts'
export { withCors } from './fetch-cors.ts'
export type { FetchPlatform } from './fetch-exchange.ts'

export interface FetchSessionOptions extends FetchPlatform {
  /**
   * The response for what the handler or the session throws; it carries the cookies of a login or logout that happened
   * before. Default, and where it answers `undefined`: refusals of ours as `application/problem+json`; anything else is
   * thrown on, for the framework.
   */
  readonly onError?: (error: unknown) => Response | undefined | Promise<Response | undefined>
}

/** A session open on a request, to be finished with the response. */
export interface FetchSession<D> {
  readonly session: Session<D>
  /**
   * Commits what was written and answers the response with cookies and cache headers; its body is passed on unread.
   * Throws where the store fails: discard the response then, and finish that of the error, which writes nothing more.
   */
  finish(response: Response): Promise<Response>
  /** Drops what was written and not committed, since the handler failed. */
  abandon(): void
}

/**
 * Runs `handler` with the session of a request, at once where the store answers at once, and answers its response with
 * cookies and cache headers. A `Response` that the handler throws, a redirect for instance, is finished likewise and
 * thrown on. A response of status 500 and above, thrown or not, drops the handler's writes as any other error does. Where a
 * framework throws objects of its own for redirects, use this in the hook that gets the response made of them (SvelteKit:
 * `handle`).
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { withSession } from 'coatcheck/fetch'
 * import { sqlite } from 'coatcheck/sqlite'
 *
 * const sessions = createSessions<{ visits: number }>({ store: sqlite('./data/sessions.db') })
 * export function handle(request: Request): Promise<Response> {
 *   return withSession(sessions, request, (session) => {
 *     session.add('visits', 1)
 *     return new Response(`Visit number ${session.get('visits')}`)
 *   })
 * }
 * ```
 */
export async function withSession<D>(
  sessions: Sessions<D>,
  request: Request,
  handler: (session: Session<D>) => Response | Promise<Response>,
  options: FetchSessionOptions = {},
): Promise<Response> {
  let opened: FetchSession<D> | null = null
  let prepared: Response | null = null
  try {
    const opening = open(sessions, request, 'full', options)
    opened = opening instanceof Promise ? await opening : opening
    prepared = await handler(opened.session)
    return await opened.finish(prepared)
  } catch (error) {
    discard(prepared)
    if (error instanceof Response) throw await finishThrown(sessions, opened, error, options)
    return finishError(sessions, opened, error, options)
  }
}

/**
 * The session of a request for frameworks whose hooks are apart: `finish` the response with it. Refusals (CSRF, two
 * tokens, a store that is down) are thrown. Also found by `sessions.of(request)`.
 */
export async function openSession<D>(
  sessions: Sessions<D>,
  request: Request,
  platform: FetchPlatform = {},
): Promise<FetchSession<D>> {
  return await open(sessions, request, 'full', platform)
}

/** The session for reading, as server-side rendering needs it: counts as activity; never rotates, creates or sets a cookie. */
export async function readSession<D>(
  sessions: Sessions<D>,
  request: Request,
  platform: FetchPlatform = {},
): Promise<Session<D>> {
  return (await open(sessions, request, 'read', platform)).session
}

/** The session without any effect, not even activity: for status endpoints. */
export async function peekSession<D>(
  sessions: Sessions<D>,
  request: Request,
  platform: FetchPlatform = {},
): Promise<Session<D>> {
  return (await open(sessions, request, 'peek', platform)).session
}

async function finishThrown<D>(
  sessions: Sessions<D>,
  opened: FetchSession<D> | null,
  thrown: Response,
  options: FetchSessionOptions,
): Promise<Response> {
  if (!opened) return thrown
  try {
    return await opened.finish(thrown)
  } catch (error) {
    discard(thrown)
    return finishError(sessions, opened, error, options)
  }
}

/** The response for an error, finished too. One that cannot be finished either goes out as it is. */
async function finishError<D>(
  sessions: Sessions<D>,
  opened: FetchSession<D> | null,
  error: unknown,
  { onError }: FetchSessionOptions,
): Promise<Response> {
  opened?.abandon()
  const response = (await onError?.(error)) ?? problemResponse(sessions, error)
  return opened ? opened.finish(response).catch(() => response) : response
}

function problemResponse<D>({ http }: Sessions<D>, error: unknown): Response {
  if (!isRefusal(error)) throw error
  const { status, headers, body } = toProblem(error, http)
  return new Response(body, { status, headers })
}

/** Whatever makes the body that is not sent may stop. */
function discard(response: Response | null): void {
  if (response?.body && !response.body.locked) response.body.cancel().catch(() => {})
}

function open<D>(
  sessions: Sessions<D>,
  request: Request,
  mode: Mode,
  platform: FetchPlatform,
): MaybePromise<FetchSession<D>> {
  const exchange = new FetchExchange(request, platform)
  return begin(openExchange(sessions, exchange, { mode }))

  function begin(opening: MaybePromise<OpenedSession<D> | null>): MaybePromise<FetchSession<D>> {
    if (opening instanceof Promise) return opening.then(begin)
    if (opening === null) return skipped(sessions)
    if (mode === 'full') sessions.attach(request, opening.session)
    return toFetchSession(opening, exchange.response)
  }
}

/** Closures, so that members may be taken off: `const { session, finish } = await openSession(...)`. */
function toFetchSession<D>(opened: OpenedSession<D>, headers: FetchResponseHeaders): FetchSession<D> {
  return {
    session: opened.session,
    abandon: () => opened.abandon(),
    async finish(response) {
      headers.prepare(response)
      await opened.finish(response.status)
      const finished = headers.take()
      headers.sent = true
      return finished
    },
  }
}

/** Of a request that the policy keeps sessions out of. */
function skipped<D>(sessions: Sessions<D>): FetchSession<D> {
  return { session: skippedSession(sessions), finish: async (response) => response, abandon() {} }
}
