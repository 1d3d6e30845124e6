import { Hono } from 'hono'
import { z } from 'zod'
import type { Authority } from '../authority.ts'
import { type AdminApp, readQuery, refused } from './admin-request.ts'
import { Page } from './paging.ts'

const Text = z.string().min(1).max(256)
const Instant = z.coerce.number().int().min(0)
const AuditQuery = Page.extend({
  user: Text.optional(),
  event: Text.optional(),
  actor: Text.optional(),
  actorKind: z.enum(['admin', 'user', 'service', 'command', 'system']).optional(),
  session: Text.optional(),
  since: Instant.optional(),
  until: Instant.optional(),
})

/** What happened, and by which rules: the audit trail, and the policy in force. */
export function auditRoutes({ audit, sessions, adminSessions }: Authority): Hono<AdminApp> {
  return (
    new Hono<AdminApp>()
      .get('/audit', async (c) => {
        const { user, session, actor, ...rest } = readQuery(c, AuditQuery)
        const about = {
          ...(user !== undefined && { userId: user }),
          ...(session !== undefined && { sessionId: session }),
          ...(actor !== undefined && { actorId: actor }),
        }
        return c.json(await audit.list({ ...rest, ...about }))
      })
      // The end of retention: the only way to remove entries, of which one remains that says who did it.
      .delete('/audit', async (c) => {
        c.var.assertFresh()
        const { before } = readQuery(c, z.object({ before: Instant }).strict())
        try {
          return c.json({ removed: await audit.prune(before, c.var.actor) })
        } catch (error) {
          if (error instanceof RangeError) throw refused(400, 'too-recent', error.message)
          throw error
        }
      })
      .get('/policy', (c) =>
        c.json({ sessions: sessions.describePolicy(), adminSessions: adminSessions.describePolicy() }),
      )
  )
}
