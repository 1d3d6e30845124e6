import type { SessionManager } from './manager.ts'
import { type SessionPage, toSessionInfo } from './session-info.ts'
import { isUserOf } from './user-ids.ts'

/** Live sessions of everybody in pages as `scan` of the store gives them, without those that only hang on others. */
export async function listAll(
  manager: SessionManager,
  page: { readonly limit?: number; readonly cursor?: string | null } = {},
): Promise<SessionPage> {
  const limit = Math.min(Math.max(1, Math.trunc(page.limit ?? 100)), 1_000)
  await manager.open()
  const { sessions, cursor } = await manager.store.call('scan', { limit, cursor: page.cursor ?? null })
  // Records of version 0 are good once, and no sessions.
  const own = sessions.filter(
    ({ userId, schemaVersion }) => schemaVersion > 0 && isUserOf(manager.settings.innerUsers, userId),
  )
  return { sessions: own.map(toSessionInfo), cursor }
}
