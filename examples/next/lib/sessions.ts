import { createSessions, type Sessions } from 'coatcheck'
import { nextSessions } from 'coatcheck/next'
import { sqlite } from 'coatcheck/sqlite'

/** What this application keeps with a session. */
export interface SessionData {
  cart?: string[]
}

/** Next may load this file several times, for each bundle and after each change of it; the store is opened once. */
const shared = globalThis as typeof globalThis & { exampleSessions?: Sessions<SessionData> }

/** The database and the key file beside it are made at the first start. */
shared.exampleSessions ??= createSessions<SessionData>({
  store: sqlite(`${process.env.DATA_DIR ?? './data'}/sessions.db`),
})

export const sessions = shared.exampleSessions

export const { readSession, withSession, requireUser } = nextSessions(sessions, {
  // How many proxies stand before Next; with none, X-Forwarded-* says nothing.
  trustProxy: Number(process.env.TRUST_PROXY ?? 0),
})
