import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Authority } from '../authority.ts'
import type { NodeHandler } from './listeners.ts'

/** Everything on the admin listener. `local`: over the socket in the data directory, which only the server's own user can open. */
export function adminApp(_authority: Authority, _options: { readonly local: boolean }): NodeHandler {
  const app = new Hono()
  return getRequestListener(app.fetch)
}
