import type { SessionStore } from '../../core/store.ts'
import { eachInFlight } from './each-in-flight.ts'
import { type ExportedSession, readEntry } from './exported-session.ts'
import { type StoreVisitOptions, visitContext } from './store-visit.ts'

/** What an import came to. */
export interface ImportCounts {
  /** Sessions that live here now and did not before. */
  readonly sessions: number
  /** Ends that are known here now and were not before. */
  readonly tombstones: number
  readonly skipped: {
    /** Sessions that live here already; they stay as they are. */
    readonly existing: number
    /** Sessions that have ended here, and ends that are known here. */
    readonly ended: number
    /** Sessions past a deadline by now, and ends past the retention of tombstones. */
    readonly over: number
  }
}

/**
 * Puts what `exportSessions` gave into another store: entries, or lines of JSON. Takes a store that nobody has opened,
 * opens it, and closes it at the end. Other processes may go on using the same data.
 *
 * Deadlines stay where they were: the time since the export is taken off, by the wall clocks of who exported and who
 * imports. No limit of sessions per user is applied; the next login does. An entry that is none is `ERR_USAGE`, which
 * names its number; what came before it has been imported. To import the same again, or a later export of the same store,
 * adds what is missing: sessions that have ended meanwhile end here, those that live here stay as they are.
 *
 * @example
 * ```ts
 * import { open } from 'node:fs/promises'
 * import { importSessions } from 'coatcheck/moving'
 * import { sqlite } from 'coatcheck/sqlite'
 *
 * const file = await open('./sessions.jsonl')
 * const counts = await importSessions(sqlite('./data/other.db'), file.readLines())
 * console.log(`${counts.sessions} sessions, ${counts.skipped.existing} of them known`)
 * ```
 */
export async function importSessions(
  store: SessionStore,
  source: AsyncIterable<ExportedSession | string> | Iterable<ExportedSession | string>,
  options: StoreVisitOptions = {},
): Promise<ImportCounts> {
  const context = visitContext(options)
  // Before anything is waited for: an interface of readline tells its lines to whoever listens by then.
  const items = begun(source)
  const counts = { sessions: 0, tombstones: 0, existing: 0, ended: 0, over: 0 }
  let read = 0
  try {
    await store.open(context)
    await eachInFlight(items, async (item) => {
      read += 1
      const entry = readEntry(item, read)
      const travelled = Math.max(0, context.environment.now() - entry.exportedAt)
      counts[await takeOver(store, entry, entry.now + travelled)] += 1
    })
  } finally {
    await store.close()
  }
  const { sessions, tombstones, ...skipped } = counts
  return { sessions, tombstones, skipped }
}

/** The source, which is asked for its items from now on. */
function begun<T>(source: AsyncIterable<T> | Iterable<T>): AsyncIterable<T> | Iterable<T> {
  if (!(Symbol.asyncIterator in source)) return source
  const iterator = source[Symbol.asyncIterator]()
  return { [Symbol.asyncIterator]: () => iterator }
}

type Count = 'sessions' | 'tombstones' | 'existing' | 'ended' | 'over'

async function takeOver(store: SessionStore, entry: ExportedSession, now: number): Promise<Count> {
  if ('tombstone' in entry) {
    const { outcome } = await store.bury(entry.tombstone, { now })
    if (outcome === 'over') return 'over'
    return outcome === 'already' ? 'ended' : 'tombstones'
  }
  const { outcome } = await store.adopt({ record: entry.session, now }, { ifEpoch: null })
  if (outcome === 'ok') return 'sessions'
  if (outcome === 'exists') return 'existing'
  return outcome === 'ended' ? 'ended' : 'over'
}
