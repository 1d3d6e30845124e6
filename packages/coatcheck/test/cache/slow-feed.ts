import type { ChangeReceiver } from '../../src/core/store.ts'
import { memory } from '../../src/stores/memory.ts'

/** A memory store of whose changes and probes nobody hears until they are let go, in their order. */
export class SlowFeed {
  readonly store = memory()
  #holding = false
  readonly #held: (() => void)[] = []

  constructor() {
    const changes = this.store.changes?.bind(this.store)
    this.store.changes = async (receiver) => {
      const feed = await changes?.(this.#slow(receiver))
      if (!feed) throw new Error('The memory store tells of changes.')
      return {
        probe: (echoed) => feed.probe((partitions) => this.#tell(() => echoed(partitions))),
        close: () => feed.close(),
      }
    }
  }

  hold(): void {
    this.#holding = true
  }

  /** Lets the oldest messages go. */
  release(count: number): void {
    for (const tell of this.#held.splice(0, count)) tell()
  }

  #slow(receiver: ChangeReceiver): ChangeReceiver {
    return {
      changed: (id) => this.#tell(() => receiver.changed(id)),
      userChanged: (userId) => this.#tell(() => receiver.userChanged(userId)),
      everyoneChanged: (partitions) => this.#tell(() => receiver.everyoneChanged(partitions)),
      lost: (partitions) => this.#tell(() => receiver.lost(partitions)),
    }
  }

  #tell(message: () => void): void {
    if (this.#holding) this.#held.push(message)
    else message()
  }
}
