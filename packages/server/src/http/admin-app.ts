import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { adminApi } from '../admin/admin-api.ts'
import { ownHostsOnly } from '../admin/own-hosts.ts'
import type { Authority } from '../authority.ts'
import { observe } from '../operations/observe.ts'
import { operationsRoutes } from '../operations/operations-routes.ts'
import { noteRequests } from '../operations/request-notes.ts'
import { adminPages } from '../pages/admin-pages.ts'
import type { NodeHandler } from './listeners.ts'

/** Longest bodies of requests in bytes. Whole exports are read in over the socket. */
const LONGEST_BODY = 1_048_576
const LONGEST_IMPORT = 1_073_741_824

/** Everything on the admin listener. `local`: over the socket in the data directory, which only the server's own user can open. */
export function adminApp(authority: Authority, { local }: { readonly local: boolean }): NodeHandler {
  const app = new Hono()
  app.use(noteRequests(authority.adminSessions))
  app.route('/', operationsRoutes(authority))
  if (!local) app.use(ownHostsOnly(authority))
  app.route('/api', adminApi(authority, { local }))
  if (!local) app.route('/', adminPages(authority))
  return observe(authority, getRequestListener(app.fetch), {
    listener: local ? 'socket' : 'admin',
    bodyLimit: local ? LONGEST_IMPORT : LONGEST_BODY,
  })
}
