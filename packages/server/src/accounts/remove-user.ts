import type { Actor } from '../audit/audit-entry.ts'
import type { Authority } from '../authority.ts'
import type { Outcome } from './accounts.ts'

/** Removes an account with all that applications have of the user. */
export function removeUser(
  { accounts, oauth }: Pick<Authority, 'accounts' | 'oauth'>,
  id: string,
  by: Actor,
): Promise<Outcome> {
  return accounts.remove(id, by, () => oauth.forgetUser(id))
}
