import { isCoatcheckError } from 'coatcheck'
import type { Hono } from 'hono'
import { BusyError } from '../accounts/password-hashing.ts'
import { DatabaseError } from '../storage/database.ts'
import type { PageKit } from './page-kit.ts'

/** Answers whatever handlers throw with a page that tells nothing of it (HDR-07); what nobody expects is logged. */
export function answerFaults(app: Hono, kit: PageKit): void {
  app.onError((error, c) => {
    const status = statusOf(error)
    if (status === 500) kit.authority.log.error({ err: error, path: c.req.routePath }, 'request failed')
    return kit.error(c, status)
  })
}

function statusOf(error: unknown): 400 | 403 | 500 | 503 {
  if (error instanceof BusyError || error instanceof DatabaseError) return 503
  if (!isCoatcheckError(error)) return 500
  if (error.status === 503) return 503
  if (error.status === 403) return 403
  return error.status < 500 ? 400 : 500
}
