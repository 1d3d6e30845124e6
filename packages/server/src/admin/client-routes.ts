import { Hono } from 'hono'
import { z } from 'zod'
import type { Authority } from '../authority.ts'
import { CLIENT_KINDS } from '../oidc/client-rules.ts'
import { type AdminApp, orNotFound, readBody, readQuery, refused } from './admin-request.ts'
import { Page } from './paging.ts'

const Uri = z.string().min(1).max(2_000)
const Uris = z.array(Uri).max(50)
const AddBody = z.strictObject({
  id: z.string().optional(),
  name: z.string(),
  kind: z.enum(CLIENT_KINDS),
  redirectUris: Uris.optional(),
  postLogoutRedirectUris: Uris.optional(),
  backchannelLogoutUri: Uri.nullable().optional(),
  refresh: z.boolean().optional(),
  scopes: z.array(z.string()).optional(),
  resources: z.record(Uri, z.array(z.string())).optional(),
  serves: Uris.optional(),
  trusted: z.boolean().optional(),
  jwks: z
    .strictObject({ keys: z.array(z.record(z.string(), z.string())).min(1).max(20) })
    .nullable()
    .optional(),
  requireDpop: z.boolean().optional(),
  requirePar: z.boolean().optional(),
  development: z.boolean().optional(),
})
const RotateBody = z.strictObject({
  overlapSeconds: z
    .int()
    .min(0)
    .max(30 * 86_400),
})

/** Applications that let their users sign in here. A secret is in one answer alone, the one to the request that made it. */
export function clientRoutes({ oauth, audit }: Authority): Hono<AdminApp> {
  return new Hono<AdminApp>()
    .get('/', async (c) => {
      readQuery(c, Page)
      return c.json({ clients: await oauth.clients.list(), cursor: null })
    })
    .post('/', async (c) => {
      const asked = await readBody(c, AddBody)
      c.var.assertFresh()
      const added = await oauth.clients.add(asked)
      if (!added.ok) throw refused(400, 'invalid-request', added.mistakes.join(' '))
      const { id, kind, trusted } = added.client
      audit.record({ event: 'client.added', actor: c.var.actor, details: { client: id, kind, trusted } })
      return c.json({ client: added.client, secret: added.secret }, 201)
    })
    .get('/:id', async (c) => c.json(orNotFound(await oauth.clients.find(c.req.param('id')))))
    .post('/:id/rotate-secret', async (c) => {
      const { overlapSeconds } = await readBody(c, RotateBody)
      c.var.assertFresh()
      const id = c.req.param('id')
      const secret = orNotFound(await oauth.clients.rotateSecret(id, overlapSeconds * 1_000))
      audit.record({ event: 'client.secret-rotated', actor: c.var.actor, details: { client: id } })
      return c.json({ secret })
    })
    .delete('/:id', async (c) => {
      c.var.assertFresh()
      const id = c.req.param('id')
      orNotFound(await oauth.removeClient(id))
      audit.record({ event: 'client.removed', actor: c.var.actor, details: { client: id } })
      return c.body(null, 204)
    })
}
