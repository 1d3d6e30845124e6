import type { Request } from 'express'
import type { Accounts } from './accounts.ts'
import type { PageContext } from './pages/layout.ts'
import type { ShopSessions } from './shop-sessions.ts'

/** What the routes work with. */
export interface Shop {
  readonly sessions: ShopSessions
  readonly accounts: Accounts
  pageContext(request: Request): PageContext
}
