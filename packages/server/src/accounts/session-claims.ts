import type { JsonFields, SessionId, Sessions } from 'coatcheck'
import { randomText } from '../system.ts'
import type { AccountTable } from './account-table.ts'

/**
 * Copies the claims of a user into all of their sessions (LIO-12), until those are the claims that the account has: of two
 * changes at once, and of a login meanwhile, the last one holds.
 */
export async function copyClaims(
  sessions: Sessions<JsonFields>,
  table: AccountTable,
  userId: string,
): Promise<void> {
  let copied: string | null = null
  for (;;) {
    const row = await table.byId(userId)
    if (row === null || row.claims === copied) return
    copied = row.claims
    await writeClaims(sessions, userId, JSON.parse(copied) as JsonFields)
  }
}

/** After a login: the claims may have changed since they were read for it. */
export async function refreshClaims(
  sessions: Sessions<JsonFields>,
  table: AccountTable,
  userId: string,
  used: JsonFields,
): Promise<void> {
  const row = await table.byId(userId)
  if (row !== null && row.claims !== JSON.stringify(used)) await copyClaims(sessions, table, userId)
}

async function writeClaims(
  sessions: Sessions<JsonFields>,
  userId: string,
  claims: JsonFields,
): Promise<void> {
  let cursor: string | null = null
  do {
    const page = await sessions.list(userId, { limit: 100, cursor })
    for (const { id } of page.sessions) await writeInto(sessions, id, claims)
    cursor = page.cursor
  } while (cursor !== null)
}

/** Not through the session of a request: nobody has used this one now. */
async function writeInto(
  { manager }: Sessions<JsonFields>,
  id: SessionId,
  claims: JsonFields,
): Promise<void> {
  const { environment, maxDataBytes } = manager.settings
  const { outcome } = await manager.store.call(
    'mutate',
    id,
    [{ kind: 'set', field: 'claims', value: claims }],
    {
      operationId: randomText(environment, 12),
      maxBytes: maxDataBytes,
    },
  )
  // Rather no session than one with claims that do not hold any more.
  if (outcome === 'rejected' || outcome === 'conflict') await manager.revoke(id)
}
