import type { SessionManager } from './manager.ts'
import type { SessionRecord } from './record.ts'
import { type SessionPage, toSessionInfo } from './session-info.ts'
import type { ListResult } from './store.ts'
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

const MOST_PER_PAGE = 1_000

/** All live sessions of a user as they are stored, newest first. */
export async function recordsOf(manager: SessionManager, userId: string): Promise<readonly SessionRecord[]> {
  await manager.open()
  const records: SessionRecord[] = []
  let cursor: string | null = null
  do {
    const found: ListResult = await manager.store.call('list', userId, { limit: MOST_PER_PAGE, cursor })
    records.push(...found.sessions)
    cursor = found.cursor
  } while (cursor !== null)
  return records
}
