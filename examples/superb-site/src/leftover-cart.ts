import type { Accounts } from './accounts.ts'
import { mergeCarts } from './cart.ts'
import type { ShopSession } from './shop-sessions.ts'

/** Puts into a session what an earlier one of the user has left. */
export async function takeLeftoverCart(
  accounts: Accounts,
  session: ShopSession,
  userId: string,
): Promise<void> {
  const leftover = accounts.leftoverCart(userId)
  if (leftover.lines.length === 0) return
  session.update('cart', (cart) => mergeCarts(cart, leftover))
  // Only once it is safe in the session.
  if ((await session.commit()) === 'ok') accounts.forgetLeftoverCart(userId)
}
