import { ActiveSession, type Bearer } from './active-session.ts'
import { UsageError } from './errors.ts'
import type { RequestContext } from './events.ts'
import { type Links, linksOf } from './links.ts'
import type { ManagerContext } from './manager-context.ts'
import type { SessionId } from './record.ts'
import type { Touches } from './touches.ts'

/**
 * A live session by its id alone, for what was issued within it and has been redeemed, such as a ticket; `null` where it is
 * over. Counts as activity. For reading: without its token, no successor can be derived.
 */
export async function resumeSession(
  parts: { readonly context: ManagerContext; readonly touches: Touches; readonly links: Links },
  id: SessionId,
  request: RequestContext,
): Promise<ActiveSession | null> {
  const { environment, settings } = parts.context
  const found = await parts.context.find(id, request)
  if (found.status !== 'live') return null
  const { record, now } = found
  if (linksOf(record).length > 0 && !(await parts.links.check(record))) return null
  const session = new ActiveSession(
    environment,
    { source: found, ahead: now - environment.monotonic() },
    {
      bearer: NO_BEARER,
      standing: 'valid',
      transport: record.transport,
      context: request,
      isFromCache: false,
      binding: null,
    },
  )
  parts.touches.use(session, settings.lifetimes[record.lifetime].touchInterval, null)
  return session
}

const NO_BEARER: Bearer = Object.freeze({
  get secret(): never {
    throw noToken()
  },
  get slot(): never {
    throw noToken()
  },
})

function noToken(): UsageError {
  return new UsageError('ERR_USAGE', 'A session that was resumed by its id has no token to go on from.')
}
