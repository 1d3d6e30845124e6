import { DelegatingStore } from './delegating-store.ts'
import type { SessionManager } from './manager.ts'

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
