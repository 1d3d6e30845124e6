import { ConfigError, UsageError } from '../core/errors.ts'
import { assertKnownKeys, wholeNumber } from '../core/option-checks.ts'
import type { SessionStore } from '../core/store.ts'
import { MovingStore, type RestMoved } from './moving/moving-store.ts'

export { exportSessions } from './moving/export-sessions.ts'
export type { ExportedSession } from './moving/exported-session.ts'
export { type ImportCounts, importSessions } from './moving/import-sessions.ts'
export type { RestMoved } from './moving/moving-store.ts'
export type { StoreVisitOptions } from './moving/store-visit.ts'

export interface MovingOptions {
  /** The store that the sessions are in. Nobody else uses it by itself any more. */
  readonly from: SessionStore
  /** The store that they go to; empty at the start, and used by nobody but through `moving` until all have moved. */
  readonly to: SessionStore
}

/**
 * Two stores as one, while sessions move from the first to the second: each moves when it is used, all of a user when one
 * of them counts (a login, a list), the rest by `moveRest`. Nobody is signed out. New sessions are made in `to` alone, and
 * once `moveRest` has nothing left, `to` alone can take over.
 *
 * Where `from` has keys of its own beside its data, they are the default; `to` alone will need the same. Both must judge
 * by clocks that run alike; they need not show the same time. Nothing of these sessions is kept in a near cache.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { moving } from 'coatcheck/moving'
 * import { redis } from 'coatcheck/redis'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createClient } from 'redis'
 *
 * const client = await createClient({ url: 'redis://127.0.0.1:6379' }).on('error', console.error).connect()
 * const store = moving({ from: sqlite('./data/sessions.db'), to: redis(client) })
 * const sessions = createSessions({ store })
 * ```
 */
export function moving(options: MovingOptions): SessionStore {
  assertKnownKeys(options, ['from', 'to'])
  const { from, to } = options
  for (const [path, store] of Object.entries({ from, to })) {
    if (typeof store?.adopt === 'function') continue
    throw new ConfigError('ERR_OPTION', `Option ${path} must be a store that can take over sessions.`)
  }
  if (from === to) throw new ConfigError('ERR_OPTION', 'Options from and to must be different stores.')
  return new MovingStore(from, to)
}

/**
 * Moves the next slice of about `limit` sessions of a store that `moving` made and that is open, and takes over what is
 * known of ended ones. `left` is false once a whole pass has come to its end: then `from` holds no live session, and `to`
 * can be used by itself. Any number of nodes may do this at once. A slice that fails is made again by the next call.
 *
 * @example
 * ```ts
 * import { memory } from 'coatcheck/memory'
 * import { moveRest, moving } from 'coatcheck/moving'
 *
 * const store = moving({ from: memory(), to: memory() })
 * // ... once createSessions({ store }) is open:
 * while ((await moveRest(store)).left) continue
 * ```
 */
export async function moveRest(
  store: SessionStore,
  options: { readonly limit?: number } = {},
): Promise<RestMoved> {
  assertKnownKeys(options, ['limit'])
  if (store instanceof MovingStore) return store.moveRest(wholeNumber(options.limit ?? 500, 'limit', 1))
  throw new UsageError('ERR_USAGE', 'moveRest needs the very store that moving({ from, to }) made.')
}
