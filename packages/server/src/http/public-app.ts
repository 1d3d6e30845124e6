import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Authority } from '../authority.ts'
import { forwardAuthHandler } from '../forward-auth/forward-auth.ts'
import { hostPathsHandler } from '../forward-auth/host-paths.ts'
import type { NodeHandler } from './listeners.ts'

/** Everything on the public listener. */
export function publicApp(authority: Authority): NodeHandler {
  const app = new Hono()
  const pages = getRequestListener(app.fetch)
  const fast = [forwardAuthHandler(authority), hostPathsHandler(authority)]
  return (request, response) => {
    for (const handle of fast) if (handle(request, response)) return
    return pages(request, response)
  }
}
