import type { Accounts } from '../accounts.ts'
import { takeLeftoverCart } from '../leftover-cart.ts'
import { WRITE_SCOPE } from '../reviews/api-routes.ts'
import type { ShopData, ShopSessions } from '../shop-sessions.ts'
import type { Addresses } from './addresses.ts'
import type { ReviewsApi } from './reviews-api.ts'
import { openSignIn, type SignIn } from './sign-in.ts'

/** What the shop has instead of accounts of its own. */
export interface OneLogin {
  readonly addresses: Addresses
  readonly signIn: SignIn
  readonly reviews: ReviewsApi
}

export interface OneLoginOptions {
  readonly addresses: Addresses
  readonly reviews: ReviewsApi
  /** Of the client `shop`. */
  readonly secret: string
}

export function openOneLogin({
  addresses,
  reviews,
  secret,
  sessions,
  accounts,
}: OneLoginOptions & { readonly sessions: ShopSessions; readonly accounts: Accounts }): OneLogin {
  const signIn = openSignIn<ShopData>({
    ...{ sessions, accounts: addresses.accounts, origin: addresses.shop },
    client: { id: 'shop', secret },
    api: { resource: addresses.reviewsApi, scope: WRITE_SCOPE },
    begun(session, { id, name }) {
      accounts.adopt(id, name)
      const { theme, currency } = accounts.preferencesOf(id)
      if (theme) session.set('theme', theme)
      if (currency) session.set('currency', currency)
      session.set('notice', { tone: 'good', text: `Welcome, ${name}. You have a new token.` })
      return takeLeftoverCart(accounts, session, id)
    },
  })
  return { addresses, signIn, reviews }
}
