import { Hono } from 'hono'
import type { Authority } from '../authority.ts'
import { type AdminApp, orNotFound } from './admin-request.ts'

/** The keys that sign access tokens, without any key material. */
export function signingKeyRoutes({ signingKeys, audit }: Authority): Hono<AdminApp> {
  return new Hono<AdminApp>()
    .get('/', async (c) => c.json({ keys: await signingKeys.list() }))
    .post('/rotate', async (c) => {
      c.var.assertFresh()
      const rotation = await signingKeys.rotate()
      const { rotated, current } = rotation
      if (rotated) audit.record({ event: 'signing-key.rotated', actor: c.var.actor, details: { current } })
      return c.json(rotation)
    })
    .delete('/:kid', async (c) => {
      c.var.assertFresh()
      const kid = c.req.param('kid')
      const rotation = await signingKeys.remove(kid)
      orNotFound(rotation.rotated)
      audit.record({ event: 'signing-key.removed', actor: c.var.actor, details: { kid } })
      return c.json(rotation)
    })
}
