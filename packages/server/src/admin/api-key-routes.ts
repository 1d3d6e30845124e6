import { isCoatcheckError } from 'coatcheck'
import { Hono } from 'hono'
import { z } from 'zod'
import type { Authority } from '../authority.ts'
import { type AdminApp, orNotFound, readBody, readQuery, refused } from './admin-request.ts'
import { Page } from './paging.ts'

const Owner = z.string().min(1).max(256)
const Span = z
  .string()
  .regex(/^\d+(?:ms|s|m|h|d)$/)
  .transform((text) => text as `${number}d`)
const ListQuery = Page.extend({ owner: Owner.optional() })
const CreateBody = z.strictObject({
  owner: Owner,
  name: z.string().max(100).optional(),
  scopes: z.array(z.string()).optional(),
  networks: z.array(z.string()).optional(),
  expiresIn: Span.optional(),
})
const RotateBody = z.strictObject({ overlap: Span.optional(), expiresIn: Span.optional() })

/** API keys of services and users. The text of a key is in one answer alone, the one to the request that made it (API-01). */
export function apiKeyRoutes({ apiKeys, audit }: Authority): Hono<AdminApp> {
  return new Hono<AdminApp>()
    .get('/', async (c) => {
      const { owner, ...page } = readQuery(c, ListQuery)
      return c.json(owner === undefined ? await apiKeys.listAll(page) : await apiKeys.list(owner, page))
    })
    .post('/', async (c) => {
      const asked = await readBody(c, CreateBody)
      c.var.assertFresh()
      const created = await apiKeys.create(asked).catch(asProblem)
      const { id, owner } = created.key
      audit.record({ event: 'api-key.made', actor: c.var.actor, userId: owner, sessionId: id })
      return c.json(created, 201)
    })
    .get('/:id', async (c) => c.json(orNotFound(await apiKeys.find(c.req.param('id')))))
    .post('/:id/rotate', async (c) => {
      const asked = await readBody(c, RotateBody)
      c.var.assertFresh()
      const created = orNotFound(await apiKeys.rotate(c.req.param('id'), asked).catch(asProblem))
      const { id, owner } = created.key
      audit.record({ event: 'api-key.made', actor: c.var.actor, userId: owner, sessionId: id })
      return c.json(created, 201)
    })
    .delete('/:id', async (c) => {
      c.var.assertFresh()
      const { id, owner } = orNotFound(await apiKeys.find(c.req.param('id')))
      orNotFound(await apiKeys.revoke(id))
      audit.record({ event: 'api-key.revoked', actor: c.var.actor, userId: owner, sessionId: id })
      return c.body(null, 204)
    })
}

/** What the library cannot take says in its message which part, and never repeats it. */
function asProblem(error: unknown): never {
  if (isCoatcheckError(error) && (error.code === 'ERR_USAGE' || error.code === 'ERR_OPTION')) {
    throw refused(400, 'invalid-request', error.message)
  }
  throw error
}
