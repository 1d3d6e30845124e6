import { isCoatcheckError, type JsonFields, type Session } from 'coatcheck'
import type { Context } from 'hono'
import type { Account } from '../accounts/accounts.ts'
import { isReached } from '../accounts/levels.ts'
import type { PageContent } from './markup.ts'
import { type PageHandler, type PageKit, readForm } from './page-kit.ts'

/** How new the proof must be of somebody who ends sessions or makes keys (CON-03). */
export const FRESH = '15m'

/** A signed-in user at a page of their own. */
export interface Visit {
  readonly c: Context
  readonly session: Session<JsonFields>
  readonly userId: string
  /** `null`: signed in by a service, without an account here. */
  readonly account: Account | null
  /** For the frame of the page. */
  readonly frame: NonNullable<PageContent['account']>
}

export type VisitHandler = (visit: Visit) => Response | Promise<Response>

/** Lets signed-in users pass; others go by the login page. */
export function forUsers(kit: PageKit, handler: VisitHandler): PageHandler {
  return async (c, session) => {
    const { path } = c.req
    const { userId } = session
    if (userId === null) return kit.redirect(c, loginAddress(c.req.method === 'GET' ? path : '/account'))
    const account = await kit.authority.accounts.find(userId)
    const delegated = kit.authority.accounts.delegated || account === null
    const ways = kit.authority.upstream.providers.length > 0 && account !== null
    const frame = { name: account?.name ?? userId, path, csrf: session.csrfToken(), delegated, ways }
    return handler({ c, session, userId, account, frame })
  }
}

/** The same for a form: with a token that is bound to the session, and a fresh proof where `fresh` says so. */
export function forUsersForms(
  kit: PageKit,
  { back, fresh }: { readonly back: string; readonly fresh: boolean },
  handler: (visit: Visit, form: (name: string) => string) => Response | Promise<Response>,
): PageHandler {
  return forUsers(kit, async (visit) => {
    const form = await readForm(visit.c)
    visit.session.assertCsrf(form('csrf'))
    if (fresh && !(await isProven(kit, visit))) return askAgain(kit, visit, back)
    return handler(visit, form)
  })
}

/** Whether the user has just shown who they are, with the second step where the account has one. */
export async function isProven({ authority }: PageKit, { session, userId }: Visit): Promise<boolean> {
  try {
    session.assertFresh(FRESH)
  } catch (error) {
    if (isCoatcheckError(error) && error.code === 'ERR_STEP_UP_REQUIRED') return false
    throw error
  }
  if (isReached(['aal2'], session.authentication.level)) return true
  return (await authority.accounts.secondFactors.find(userId)) === null
}

/** By the login page, and back. */
export function askAgain(kit: PageKit, { c }: Visit, back: string): Response {
  return kit.redirect(c, `${loginAddress(back)}&reauthenticate=1`)
}

function loginAddress(returnTo: string): string {
  return `/login?return_to=${encodeURIComponent(returnTo)}`
}
