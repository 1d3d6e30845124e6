import type { Request } from 'express'
import type { Accounts } from './accounts.ts'
import type { OneLogin } from './one-login/one-login.ts'
import type { Orders } from './orders.ts'
import type { PageContext } from './pages/layout.ts'
import type { Panel } from './panel/panel.ts'
import type { ShopSessions } from './shop-sessions.ts'
import type { Throttle } from './throttle.ts'

/** What the routes work with. */
export interface Shop {
  readonly sessions: ShopSessions
  readonly accounts: Accounts
  readonly orders: Orders
  /** At the foot of every page: what happened to the visitor's session. */
  readonly panel: Panel
  /** Of passwords, by name and address. */
  readonly loginThrottle: Throttle
  /** Of new accounts, by address. */
  readonly signUpThrottle: Throttle
  /** Where the accounts are the server's; `null`: they are the shop's own. */
  readonly oneLogin: OneLogin | null
  pageContext(request: Request): PageContext
}
