import { fileURLToPath } from 'node:url'
import { requireUser, sessionErrors, sessionMiddleware } from 'coatcheck/express'
import express, { type Express, Router } from 'express'
import { accountRoutes } from './account-routes.ts'
import type { Accounts } from './accounts.ts'
import { cartRoutes } from './cart-routes.ts'
import { catalogueRoutes } from './catalogue-routes.ts'
import { checkoutRoutes } from './checkout-routes.ts'
import type { Clock } from './clock.ts'
import { confirmRoutes } from './confirm-routes.ts'
import { deviceRoutes } from './device-routes.ts'
import { showError, showNotFound } from './errors.ts'
import { attackerSite } from './lab/attacker-site.ts'
import { LabGuests } from './lab/lab-guests.ts'
import { labRoutes } from './lab/lab-routes.ts'
import type { OpenTwin } from './lab/twin.ts'
import { loginRoutes, logoutRoutes } from './login-routes.ts'
import type { OneLogin } from './one-login/one-login.ts'
import { oneLoginRoutes } from './one-login/shop-routes.ts'
import { orderRoutes } from './order-routes.ts'
import type { Orders } from './orders.ts'
import { pageHeaders } from './page-headers.ts'
import { Panel } from './panel/panel.ts'
import { preferenceRoutes } from './preference-routes.ts'
import type { Shop } from './shop.ts'
import type { ShopSessions } from './shop-sessions.ts'
import { signUpRoutes } from './sign-up-routes.ts'
import { Throttle } from './throttle.ts'

export interface ShopParts {
  readonly sessions: ShopSessions
  readonly accounts: Accounts
  readonly orders: Orders
  readonly clock: Clock
  /** Fires when the server is about to close. */
  readonly closing: AbortSignal
  /** The same shop once more, for the attack lab. */
  readonly openTwin: OpenTwin
  /** Accounts of the server instead of its own. */
  readonly oneLogin: OneLogin | null
}

/** The whole shop as an Express application. */
export function createShop(parts: ShopParts): Express {
  const shop = withThrottles(parts)
  const { sessions, panel, oneLogin } = shop
  const guests = new LabGuests(parts.accounts)
  const app = express()
  app.disable('x-powered-by')
  if (!oneLogin) app.use(attackerSite(guests))
  app.use(pageHeaders(oneLogin?.addresses.accounts ?? null))
  app.use(express.static(fileURLToPath(new URL('../public', import.meta.url)), { index: false }))
  app.get('/panel/events', panel.events)
  if (oneLogin) app.use(oneLogin.signIn.notices)
  app.use(panel.around(sessionMiddleware(sessions)))
  app.use(express.urlencoded({ extended: false, limit: '10kb' }))
  app.use(catalogueRoutes(shop))
  app.use(cartRoutes(shop))
  app.use(oneLogin ? oneLoginRoutes(shop, oneLogin) : ownAccountRoutes(shop))
  app.use(logoutRoutes(shop))
  app.use('/preferences', preferenceRoutes(shop))
  const usersOnly = requireUser(sessions, { onMissing: '/login' })
  app.use('/checkout', usersOnly, checkoutRoutes(shop))
  app.use('/orders', usersOnly, orderRoutes(shop))
  app.use('/account', usersOnly, accountRoutes(shop))
  app.use('/devices', usersOnly, deviceRoutes(shop))
  if (!oneLogin) app.use('/lab', labRoutes(shop, { ...parts, guests }))
  app.use(showNotFound(shop))
  app.use(sessionErrors(sessions))
  app.use(showError(shop))
  return app
}

/** What falls away where the accounts are the server's. */
function ownAccountRoutes(shop: Shop): Router {
  const usersOnly = requireUser(shop.sessions, { onMissing: '/login' })
  return Router().use(loginRoutes(shop), signUpRoutes(shop)).use('/confirm', usersOnly, confirmRoutes(shop))
}

function withThrottles({ sessions, accounts, orders, clock, closing, oneLogin }: ShopParts): Shop {
  const panel = new Panel(sessions, { closing })
  return {
    panel,
    sessions,
    accounts,
    orders,
    oneLogin,
    loginThrottle: new Throttle({ free: 5, window: 900_000, firstWait: 5_000, longestWait: 60_000 }, clock),
    signUpThrottle: new Throttle(
      { free: 30, window: 3_600_000, firstWait: 5_000, longestWait: 60_000 },
      clock,
    ),
    pageContext(request) {
      const session = sessions.of(request)
      const { userId } = session
      const userName = userId === null ? null : accounts.nameOf(userId)
      return { session, userName, panel: panel.show(request), addresses: oneLogin?.addresses ?? null }
    },
  }
}
