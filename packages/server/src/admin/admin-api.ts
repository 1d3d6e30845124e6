import { sessionMiddleware } from 'coatcheck/hono'
import { Hono } from 'hono'
import type { Authority } from '../authority.ts'
import { apiMiddleware, problemHandler, problemNotFound } from '../http/problem.ts'
import { trustedProxies } from '../http/trusted-proxies.ts'
import { adminOnly, local } from './actors.ts'
import type { AdminApp } from './admin-request.ts'
import { apiKeyRoutes } from './api-key-routes.ts'
import { auditRoutes } from './audit-routes.ts'
import { clientRoutes } from './client-routes.ts'
import { adminLoginRoutes } from './login-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { signingKeyRoutes } from './signing-key-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { userRoutes } from './user-routes.ts'

/**
 * The admin API, JSON over HTTP, as the command line and the console use it. `local`: over the socket in the data directory, or in the
 * process of a command itself: whoever can do that has the files anyway, and needs no credential. Else an administrator's session
 * does it, and no other credential (CON-06, API-05).
 */
export function adminApi(authority: Authority, options: { readonly local: boolean }): Hono<AdminApp> {
  const app = new Hono<AdminApp>()
  app.onError(problemHandler(authority))
  app.notFound(problemNotFound)
  app.use(apiMiddleware(authority))
  if (options.local) {
    app.use(local)
  } else {
    app.use(
      sessionMiddleware(authority.adminSessions, {
        property: false,
        trustProxy: trustedProxies(authority.settings),
      }),
    )
    app.route('/', adminLoginRoutes(authority))
    app.use(adminOnly(authority))
  }
  return app
    .route('/sessions', sessionRoutes(authority))
    .route('/users', userRoutes(authority))
    .route('/signing-keys', signingKeyRoutes(authority))
    .route('/api-keys', apiKeyRoutes(authority))
    .route('/clients', clientRoutes(authority))
    .route('/tokens', tokenRoutes(authority))
    .route('/', auditRoutes(authority))
}
