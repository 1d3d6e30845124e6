import type { SessionStore } from '../../core/store.ts'
import type { ExportedSession } from './exported-session.ts'
import { type StoreVisitOptions, visitContext } from './store-visit.ts'

const PAGE = 500

/**
 * All that a store holds, as plain JSON objects: live sessions, and the tombstones of ended ones. Takes a store that
 * nobody has opened, opens it, and closes it at the end, also when the reader stops early. Other processes may go on
 * using the same data; what changes meanwhile is in the export as it was or as it is, and a later export has the rest.
 *
 * There is no usable credential in it, only hashes (P6), but all that the application keeps with its sessions, the ids of
 * users, and their devices: treat it as you treat the store.
 *
 * @example
 * ```ts
 * import { createWriteStream } from 'node:fs'
 * import { Readable } from 'node:stream'
 * import { pipeline } from 'node:stream/promises'
 * import { exportSessions } from 'coatcheck/moving'
 * import { sqlite } from 'coatcheck/sqlite'
 *
 * const lines = Readable.from(exportSessions(sqlite('./data/sessions.db'))).map((entry) => `${JSON.stringify(entry)}\n`)
 * await pipeline(lines, createWriteStream('./sessions.jsonl', { mode: 0o600 }))
 * ```
 */
export async function* exportSessions(
  store: SessionStore,
  options: StoreVisitOptions = {},
): AsyncGenerator<ExportedSession, void, undefined> {
  const context = visitContext(options)
  try {
    await store.open(context)
    let cursor: string | null = null
    do {
      const page = await store.scan({ limit: PAGE, cursor })
      const at = { version: 1, now: page.now, exportedAt: context.environment.now() } as const
      for (const session of page.sessions) yield { ...at, session }
      for (const tombstone of page.tombstones) yield { ...at, tombstone }
      cursor = page.cursor
    } while (cursor !== null)
  } finally {
    await store.close()
  }
}
