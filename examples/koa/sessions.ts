import { createSessions } from 'coatcheck'
import { sqlite } from 'coatcheck/sqlite'

/** What this application keeps with a session. */
export interface SessionData {
  cart?: string[]
}

/** The database and the key file beside it are made at the first start. */
export const sessions = createSessions<SessionData>({
  store: sqlite(`${process.env.DATA_DIR ?? './data'}/sessions.db`),
})
