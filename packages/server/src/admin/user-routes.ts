import type { JsonFields } from 'coatcheck'
import { Hono } from 'hono'
import { z } from 'zod'
import type { Account, Outcome } from '../accounts/accounts.ts'
import { removeUser } from '../accounts/remove-user.ts'
import type { Authority } from '../authority.ts'
import {
  type AdminApp,
  type AdminContext,
  orNotFound,
  readBody,
  readQuery,
  refused,
} from './admin-request.ts'
import { Page } from './paging.ts'

const Password = z.string().max(1_024)
const Claims = z.record(z.string(), z.json()).transform((claims) => claims as JsonFields)
const ListQuery = Page.extend({ query: z.string().max(256).optional() })
const CreateBody = z.strictObject({
  name: z.string().max(256),
  password: Password.nullable().default(null),
  claims: Claims.optional(),
  admin: z.boolean().default(false),
})
const ClaimsBody = z.strictObject({ claims: Claims })
const PasswordBody = z.strictObject({ password: Password })
const AdminBody = z.strictObject({ admin: z.boolean() })

/** Accounts, by id or by name. Whatever is changed asks for fresh authentication (CON-03). */
export function userRoutes(authority: Authority): Hono<AdminApp> {
  const { accounts, sessions, audit, oauth } = authority
  const accountOf = async (c: AdminContext): Promise<Account> => {
    const user = c.req.param('user') ?? ''
    return orNotFound((await accounts.find(user)) ?? (await accounts.findByName(user)))
  }
  const changed = async (c: AdminContext, change: (id: string) => Promise<Outcome>) => {
    c.var.assertFresh()
    const { id } = await accountOf(c)
    const outcome = await change(id)
    if (outcome === 'last-administrator') throw refused(409, outcome, LAST_ADMINISTRATOR)
    orNotFound(outcome === 'ok')
    return c.body(null, 204)
  }
  return new Hono<AdminApp>()
    .get('/', async (c) => c.json(await accounts.list(readQuery(c, ListQuery))))
    .post('/', (c) => create(c, authority))
    .get('/:user', async (c) => c.json(await accountOf(c)))
    .delete('/:user', (c) => changed(c, (id) => removeUser(authority, id, c.var.actor)))
    .post('/:user/disable', (c) => changed(c, (id) => accounts.disable(id, c.var.actor)))
    .post('/:user/enable', (c) => changed(c, (id) => accounts.enable(id, c.var.actor)))
    .delete('/:user/second-step', (c) =>
      changed(c, async (id) => ((await accounts.secondFactors.remove(id, c.var.actor)) ? 'ok' : 'unknown')),
    )
    .post('/:user/end-sessions', async (c) => {
      c.var.assertFresh()
      const { id } = await accountOf(c)
      const ended = await sessions.revokeUser(id)
      await oauth.endUser(id)
      audit.record({ event: 'session.user-revoked', actor: c.var.actor, userId: id })
      return c.json({ ended })
    })
    .put('/:user/claims', async (c) => {
      const { claims } = await readBody(c, ClaimsBody)
      return changed(c, async (id) => {
        const outcome = await accounts.setClaims(id, claims, c.var.actor)
        if (outcome === 'too-large') throw refused(409, 'claims-too-large', FAULTS['claims-too-large'])
        return outcome
      })
    })
    .put('/:user/password', async (c) => {
      const { password } = await readBody(c, PasswordBody)
      return changed(c, async (id) => {
        const fault = await accounts.setPassword(id, password, c.var.actor)
        if (fault !== null && fault !== 'unknown') throw refused(409, fault, 'Choose another password.')
        return fault ?? 'ok'
      })
    })
    .put('/:user/admin', async (c) => {
      const { admin } = await readBody(c, AdminBody)
      return changed(c, (id) => accounts.setAdmin(id, admin, c.var.actor))
    })
}

async function create(c: AdminContext, { accounts }: Authority): Promise<Response> {
  const { claims, ...rest } = await readBody(c, CreateBody)
  c.var.assertFresh()
  const created = await accounts.create({ ...rest, ...(claims && { claims }) }, c.var.actor)
  if (!created.ok) throw refused(409, created.reason, FAULTS[created.reason] ?? 'Choose another password.')
  return c.json(created.account, 201)
}

const FAULTS = {
  'name-invalid': 'The name cannot be one: 1 to 128 characters, none of them a control character.',
  'name-taken': 'Somebody has this name.',
  'claims-too-large': 'The claims are longer than 8 kB.',
} as { readonly 'claims-too-large': string; readonly [fault: string]: string | undefined }

const LAST_ADMINISTRATOR =
  'This is the last administrator who can sign in: make another one first (coatcheck users create NAME --admin).'
