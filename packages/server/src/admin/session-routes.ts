import { Hono } from 'hono'
import { z } from 'zod'
import type { Authority } from '../authority.ts'
import { type AdminApp, type AdminContext, orNotFound, readBody, readQuery } from './admin-request.ts'
import { Page } from './paging.ts'

const UserId = z.string().min(1).max(256)
const ListQuery = Page.extend({ user: UserId.optional() })
const EndBody = z.union([z.strictObject({ user: UserId }), z.strictObject({ everyone: z.literal(true) })])

/** Sessions of users and visitors: to list, look at and end them; one, all of a user, all of everyone (CON-04). */
export function sessionRoutes({ sessions, audit }: Authority): Hono<AdminApp> {
  const record = (c: AdminContext, event: string, about: { userId?: string | null; sessionId?: string }) =>
    audit.record({ event, actor: c.var.actor, ...about })
  return new Hono<AdminApp>()
    .get('/', async (c) => {
      const { user, ...page } = readQuery(c, ListQuery)
      return c.json(user === undefined ? await sessions.listAll(page) : await sessions.list(user, page))
    })
    .get('/:id', async (c) => c.json(orNotFound(await sessions.find(c.req.param('id')))))
    .delete('/:id', async (c) => {
      c.var.assertFresh()
      const session = orNotFound(await sessions.find(c.req.param('id')))
      orNotFound(await sessions.revoke(session.id))
      record(c, 'session.revoked', { userId: session.userId, sessionId: session.id })
      return c.body(null, 204)
    })
    .post('/end', async (c) => {
      const asked = await readBody(c, EndBody)
      c.var.assertFresh()
      if ('everyone' in asked) {
        await sessions.revokeEveryone()
        record(c, 'session.everyone-revoked', {})
        return c.json({ ended: null })
      }
      const ended = await sessions.revokeUser(asked.user)
      record(c, 'session.user-revoked', { userId: asked.user })
      return c.json({ ended })
    })
}
