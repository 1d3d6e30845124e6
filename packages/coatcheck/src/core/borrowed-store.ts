import { resolveSchema } from './data-schema.ts'
import { DelegatingStore } from './delegating-store.ts'
import type { Duration } from './duration.ts'
import { resolveLifetimes } from './lifetimes.ts'
import type { SessionManager } from './manager.ts'
import type { CoreSettings } from './options.ts'

/**
 * The store of some sessions, for a manager of another kind that hangs on them: opened with them and closed by them alone.
 * Tells of no changes, since a store has one feed. Their user ids must differ from those of the sessions, whose limits and
 * lists go by them.
 */
export class BorrowedStore extends DelegatingStore {
  readonly #owner: SessionManager

  constructor(owner: SessionManager) {
    super(owner.settings.store)
    this.#owner = owner
  }

  override open(): Promise<void> {
    return this.#owner.open()
  }

  override async close(): Promise<void> {}
}

/** What sessions of another kind differ in from those that they hang on. */
interface InnerKind {
  /** Part of their name, so that none of their tokens is ever taken for one of the others, or the other way round. */
  readonly kind: string
  /** How the ids of their users begin: `innerUsersOf`. */
  readonly users: string
  readonly idle: Duration
  readonly absolute: Duration
}

/** The owner's own settings, for a manager of sessions of another kind in the same store: without cache, sweeps and limits of its own. */
export function innerSettings(
  owner: SessionManager,
  { kind, users, idle, absolute }: InnerKind,
): CoreSettings {
  const { settings } = owner
  return Object.freeze({
    ...settings,
    store: new BorrowedStore(owner),
    // No application's own name has a blank.
    name: `${settings.name} ${kind}`,
    innerUsers: users,
    schema: resolveSchema(undefined, 1, undefined),
    lifetimes: resolveLifetimes({ lifetimes: { signedIn: { idle, absolute } } }, null),
    maxSessions: null,
    nearCache: null,
    unsafeServeStale: 0,
    sweepInterval: null,
  })
}
