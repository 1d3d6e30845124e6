import { fileURLToPath } from 'node:url'
import { isCoatcheckError, securityHeaders } from 'coatcheck'
import { requireUser, sessionErrors, sessionMiddleware } from 'coatcheck/express'
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express'
import type { Accounts } from './accounts.ts'
import { cartRoutes } from './cart-routes.ts'
import { deviceRoutes } from './device-routes.ts'
import { loginRoutes } from './login-routes.ts'
import { cataloguePage } from './pages/catalogue-page.ts'
import { errorPage } from './pages/error-page.ts'
import type { Shop } from './shop.ts'
import type { ShopSessions } from './shop-sessions.ts'

/** The whole shop as an Express application. */
export function createShop(sessions: ShopSessions, accounts: Accounts): Express {
  const shop: Shop = {
    sessions,
    accounts,
    pageContext(request) {
      const session = sessions.of(request)
      const { userId } = session
      return { session, userName: userId === null ? null : accounts.nameOf(userId) }
    },
  }
  const app = express()
  app.disable('x-powered-by')
  app.use(addSecurityHeaders)
  app.use(express.static(fileURLToPath(new URL('../public', import.meta.url)), { index: false }))
  app.use(sessionMiddleware(sessions))
  app.use(express.urlencoded({ extended: false, limit: '10kb' }))
  app.get('/', (request, response) => {
    response.send(cataloguePage(shop.pageContext(request)))
  })
  app.use(cartRoutes(shop))
  app.use(loginRoutes(shop))
  app.use('/devices', requireUser(sessions, { onMissing: '/login' }), deviceRoutes(shop))
  app.use((_request, response) => {
    response.status(404).send(errorPage(404, 'There is nothing here.'))
  })
  app.use(sessionErrors(sessions))
  app.use(showError)
  return app
}

// HSTS would bind every program on this machine's localhost to HTTPS; without any referrer, browsers that know no
// Sec-Fetch-Site would send 'Origin: null' with our own forms.
const HEADERS = Object.entries(securityHeaders({ hsts: false, referrerPolicy: 'same-origin' }))

function addSecurityHeaders(_request: Request, response: Response, next: () => void): void {
  for (const [name, value] of HEADERS) response.setHeader(name, value)
  next()
}

/** Four parameters make it an error handler. Only our own refusals are explained; anything else is nobody's business. */
const showError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) {
    next(error)
    return
  }
  const status = statusOf(error)
  if (status >= 500) console.error(error)
  const known = isCoatcheckError(error) && error.expose
  response
    .status(status)
    .send(errorPage(status, known ? error.message : (MESSAGES[status] ?? 'Something went wrong.')))
}

const MESSAGES: Readonly<Record<number, string>> = {
  400: 'The request cannot be understood.',
  413: 'That is too much at once.',
  503: 'The shop cannot look after sessions right now. Please try again in a moment.',
}

function statusOf(error: unknown): number {
  const { status } = (error ?? {}) as { readonly status?: unknown }
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : 500
}
