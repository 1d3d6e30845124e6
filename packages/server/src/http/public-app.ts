import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { apiRoutes } from '../api/api-routes.ts'
import { VALIDATE_PATH, validateHandler } from '../api/validate-handler.ts'
import type { Authority } from '../authority.ts'
import { forwardAuthHandler } from '../forward-auth/forward-auth.ts'
import { hostPathsHandler } from '../forward-auth/host-paths.ts'
import { oauthRoute } from '../oidc/routes.ts'
import { observe } from '../operations/observe.ts'
import { noteRequests, noteRoute } from '../operations/request-notes.ts'
import { pageRoutes } from '../pages/public-pages.ts'
import type { NodeHandler } from './listeners.ts'

/** Longest body of a request in bytes. */
const LONGEST_BODY = 65_536

/** Everything on the public listener. */
export function publicApp(authority: Authority): NodeHandler {
  const app = new Hono()
  app.use(noteRequests(authority.sessions))
  app.route('/', apiRoutes(authority))
  // Last: there is a page for whatever nothing else answers.
  app.route('/', pageRoutes(authority))
  const pages = getRequestListener(app.fetch)
  /** Before the app, by the route under which they are counted and logged: what every request of others waits for. */
  const fast = Object.entries<(request: IncomingMessage, response: ServerResponse) => boolean>({
    '/forward-auth': forwardAuthHandler(authority),
    [VALIDATE_PATH]: validateHandler(authority),
    'paths of a protected host': hostPathsHandler(authority),
    '/oauth': (request, response) => authority.oauth.handle(request, response),
  })
  const handler: NodeHandler = (request, response) => {
    for (const [route, handle] of fast) {
      if (handle(request, response))
        return noteRoute(response, route === '/oauth' ? oauthRoute(request.url) : route)
    }
    return pages(request, response)
  }
  return observe(authority, handler, { listener: 'public', bodyLimit: LONGEST_BODY })
}
