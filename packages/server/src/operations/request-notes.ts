import type { Sessions } from 'coatcheck'
import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'

const ROUTE = Symbol('coatcheck route')
const SESSION = Symbol('coatcheck session id')

interface Noted {
  [ROUTE]?: string
  [SESSION]?: string | null
}

/** Says under which name a request is counted and logged: its pattern, `/users/:id`, never its URL. For handlers before the apps. */
export function noteRoute(response: object, route: string): void {
  ;(response as Noted)[ROUTE] = route
}

/** Says whose request it was: the public id of a session. */
export function noteSession(response: object, sessionId: string | null): void {
  ;(response as Noted)[SESSION] = sessionId
}

/** The pattern that a request matched; `unmatched` for all that matched none. */
export function routeOf(response: object): string {
  return (response as Noted)[ROUTE] ?? 'unmatched'
}

export function sessionIdOf(response: object): string | null {
  return (response as Noted)[SESSION] ?? null
}

/** The same for requests that an app handles; goes before everything else in it. */
export function noteRequests(sessions: Pick<Sessions<unknown>, 'of'>): MiddlewareHandler {
  return async (c, next) => {
    await next()
    const response = (c.env as { readonly outgoing?: object } | undefined)?.outgoing
    if (response === undefined) return
    const route = matchedRoutes(c).findLast(({ path }) => !path.endsWith('*'))
    if (route) noteRoute(response, route.path)
    noteSession(response, idOf(sessions, c))
  }
}

/** `null` where the request has no session, or was not asked for one. */
function idOf(sessions: Pick<Sessions<unknown>, 'of'>, carrier: object): string | null {
  try {
    return sessions.of(carrier).id
  } catch {
    return null
  }
}
