import { type Duration, toMilliseconds } from '../../core/duration.ts'
import { assertKnownKeys } from '../../core/option-checks.ts'
import { systemEnvironment } from '../../core/platform.ts'
import type { StoreContext } from '../../core/store.ts'

export interface StoreVisitOptions {
  /** How long tombstones are kept, as in `createSessions`; default `'1h'`. */
  readonly tombstoneRetention?: Duration
}

/** How a store is opened by whoever only copies. */
export function visitContext(options: StoreVisitOptions): StoreContext {
  assertKnownKeys(options, ['tombstoneRetention'])
  return {
    environment: systemEnvironment,
    tombstoneRetention: toMilliseconds(options.tombstoneRetention ?? '1h', 'tombstoneRetention'),
  }
}
