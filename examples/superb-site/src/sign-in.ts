import type { LoginOptions } from 'coatcheck'
import type { Request } from 'express'
import { toAccountName } from './account-rules.ts'
import { takeLeftoverCart } from './leftover-cart.ts'
import { isFromOtherSite } from './other-sites.ts'
import type { Shop } from './shop.ts'
import type { ShopData } from './shop-sessions.ts'

/**
 * Makes the request's session one of the user: under a new id and token, with what the visitor had that is declared to
 * come along, with the user's own preferences, and with the cart that an earlier visit left.
 */
export async function signIn(
  { sessions, accounts }: Shop,
  request: Request,
  userId: string,
  options: LoginOptions<ShopData>,
): Promise<void> {
  const session = sessions.of(request)
  await session.login(userId, { methods: ['pwd'], data: accounts.preferencesOf(userId), ...options })
  await takeLeftoverCart(accounts, session, userId)
}

/**
 * Ends the session and writes no new one, so that the browser keeps no cookie. What is in the cart waits for the next login. Answers
 * where to go now: where the accounts are the server's, that ends its own session, too.
 */
export async function signOut({ sessions, accounts, oneLogin }: Shop, request: Request): Promise<string> {
  const session = sessions.of(request)
  const { userId } = session
  if (userId !== null) accounts.leaveCart(userId, session.get('cart'))
  if (oneLogin) return oneLogin.signIn.logout(request)
  await session.logout()
  return '/goodbye'
}

/**
 * Guesses are counted by name and address: what somebody does elsewhere keeps nobody out. Nor do the forms that another
 * site lets a visitor's browser send: they come from that very address, so they are counted apart.
 */
export function guessKey(request: Request, name: string): string {
  const source = isFromOtherSite(request) ? 'other site' : 'own page'
  return `${networkOf(request)} ${source} ${toAccountName(name).slice(0, 100)}`
}

/** The client's address; of an IPv6 address the network, since one client has them by the billion. */
export function networkOf({ ip = '' }: Request): string {
  return ip.includes(':') && !ip.includes('.') ? ip.split(':').slice(0, 4).join(':') : ip
}
