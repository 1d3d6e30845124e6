import { join } from 'node:path'
import { createSessions, type DataOf, type Session, type Sessions } from 'coatcheck'
import { sqlite } from 'coatcheck/sqlite'
import { z } from 'zod'

const data = {
  /** What the accounts server calls the user. */
  name: z.string(),
  /** Shown once, on the next page. */
  notice: z.object({ tone: z.enum(['good', 'bad']), text: z.string() }),
}

export type ReviewsData = DataOf<typeof data>
export type ReviewsSession = Session<ReviewsData>

/** Sessions of this application alone, in a store of its own: the shop's are no good here. */
export function createReviewsSessions(dataDirectory: string): Sessions<ReviewsData> {
  return createSessions({ store: sqlite(join(dataDirectory, 'sessions.db')), data })
}
