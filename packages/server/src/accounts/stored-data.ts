import type { RecordedEntry } from '../audit/audit-entry.ts'
import type { Authority } from '../authority.ts'
import type { Account } from './account.ts'

/** Pages of a list that are read at most: ten thousand entries of the audit trail. */
const MOST_PAGES = 10

/** Everything that is stored about a user, for themselves (AUD-06): no hash, secret or token, and nobody else's id. */
export async function storedData(authority: Authority, account: Account): Promise<object> {
  const { accounts, apiKeys, environment, oauth, sessions, upstream } = authority
  const { id } = account
  const { secondFactors } = accounts
  return {
    at: environment.now(),
    account,
    secondStep: await secondFactors.find(id),
    identities: await upstream.identities.list(id),
    sessions: await allOf(async (cursor) => {
      const page = await sessions.list(id, { limit: 100, cursor })
      return { entries: page.sessions, cursor: page.cursor }
    }),
    apiKeys: await allOf(async (cursor) => {
      const page = await apiKeys.list(id, { limit: 100, cursor })
      return { entries: page.keys, cursor: page.cursor }
    }),
    applications: await oauth.connections(id),
    audit: await allOf(async (cursor) => {
      const page = await authority.audit.list({
        userId: id,
        limit: 1_000,
        cursor,
      })
      return { entries: page.entries.map((entry) => withoutOthers(entry, id)), cursor: page.cursor }
    }),
  }
}

async function allOf<T>(
  read: (
    cursor: string | null,
  ) => Promise<{ readonly entries: readonly T[]; readonly cursor: string | null }>,
): Promise<readonly T[]> {
  const all: T[] = []
  let cursor: string | null = null
  for (let page = 0; page < MOST_PAGES; page++) {
    const found = await read(cursor)
    all.push(...found.entries)
    cursor = found.cursor
    if (cursor === null) break
  }
  return all
}

function withoutOthers(entry: RecordedEntry, userId: string): object {
  const { event, at, actor, sessionId, address, details } = entry
  const isOwn = actor.kind === 'user' && actor.id === userId
  return { event, at, by: isOwn ? 'you' : actor.kind, sessionId, address, details }
}
