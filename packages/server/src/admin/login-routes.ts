import { Hono } from 'hono'
import { z } from 'zod'
import type { Authority } from '../authority.ts'
import { ProblemError } from '../http/problem.ts'
import { type AdminApp, orNotFound, readBody, refused } from './admin-request.ts'
import { redeemSetup } from './setup.ts'

const Login = z.strictObject({ name: z.string().max(256), password: z.string().max(1_024) })
const Setup = z.strictObject({
  token: z.string().max(100),
  name: z.string().max(256),
  password: z.string().max(1_024),
})

/** What can be done before signing in: to sign in as an administrator, and to become the first one. */
export function adminLoginRoutes(authority: Authority): Hono<AdminApp> {
  return new Hono<AdminApp>()
    .post('/session', async (c) => {
      const { name, password } = await readBody(c, Login)
      const session = authority.adminSessions.of(c)
      const { address } = session.device
      const verdict = await authority.accounts.verify({
        name,
        password,
        address,
        device: null,
        kind: 'admin',
      })
      if (!verdict.ok) throw loginRefused(verdict)
      const { account, attempt, methods } = verdict
      await session.login(account.id, { attempt, methods: [...methods] })
      return c.json({ id: session.id, user: { id: account.id, name: account.name } })
    })
    .get('/session', async (c) => {
      const { id, userId, authenticatedAt, remaining } = authority.adminSessions.of(c)
      const account = orNotFound(userId === null ? null : await authority.accounts.find(userId))
      return c.json({ id, user: { id: account.id, name: account.name }, authenticatedAt, remaining })
    })
    .delete('/session', async (c) => {
      await authority.adminSessions.of(c).logout()
      return c.body(null, 204)
    })
    .post('/setup', async (c) => {
      const { token, name, password } = await readBody(c, Setup)
      const account = await makeFirstAdministrator(authority, { token, name, password })
      return c.json({ user: { id: account.id, name: account.name } }, 201)
    })
}

/** The first administrator, for whoever comes first with a good set-up link; throws a problem otherwise. */
export async function makeFirstAdministrator(
  authority: Pick<Authority, 'database' | 'environment' | 'accounts'>,
  { token, name, password }: z.output<typeof Setup>,
) {
  const account = await redeemSetup(authority, token, async () => {
    const created = await authority.accounts.create({ name, password, admin: true })
    if (!created.ok) throw refused(409, created.reason, 'Choose another name or password.')
    return created.account
  })
  if (account === null) {
    throw refused(
      403,
      'setup-link-invalid',
      'This set-up link has been used, or is over: restart the server for another.',
    )
  }
  return account
}

function loginRefused({ reason, retryAfter }: { readonly reason: string; readonly retryAfter?: number }) {
  if (retryAfter !== undefined) {
    const headers = { 'retry-after': String(Math.ceil(retryAfter / 1_000)) }
    const detail = 'Too many attempts; come back later.'
    return new ProblemError({ status: 429, code: 'throttled', detail, headers })
  }
  // That the password was right is nothing that whoever guesses it should be told.
  return refused(
    401,
    reason === 'disabled' ? 'invalid' : reason,
    'Name or password are not those of an administrator.',
  )
}
