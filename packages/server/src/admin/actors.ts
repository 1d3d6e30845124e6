import { createMiddleware } from 'hono/factory'
import type { Authority } from '../authority.ts'
import type { AdminApp } from './admin-request.ts'
import { refused } from './admin-request.ts'

/** How recently an administrator must have proved who they are to end, remove or make something. */
const FRESH = '10m'

/** Whoever reaches the socket, or runs a command on the files themselves. */
export const local = createMiddleware<AdminApp>(async (c, next) => {
  c.set('actor', { kind: 'command', id: null })
  c.set('assertFresh', () => {})
  await next()
})

/** Lets the sessions of administrators pass, while their account is one. */
export function adminOnly({ adminSessions, accounts }: Authority) {
  return createMiddleware<AdminApp>(async (c, next) => {
    const session = adminSessions.of(c)
    const account = session.userId === null ? null : await accounts.find(session.userId)
    if (!account?.admin || account.disabled) {
      throw refused(401, 'unauthenticated', 'Sign in as an administrator.')
    }
    c.set('actor', { kind: 'admin', id: account.id })
    c.set('assertFresh', () => session.assertFresh(FRESH))
    await next()
  })
}
