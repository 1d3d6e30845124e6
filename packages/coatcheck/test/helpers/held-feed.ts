import type { ChangeReceiver } from '../../src/core/store.ts'
import { memory } from '../../src/stores/memory.ts'

/** A memory store whose feed can be held back: its echoes alone, or all that it tells, in order. */
export class HeldFeed {
  readonly store = memory()
  #holding: 'nothing' | 'echoes' | 'everything' = 'nothing'
  readonly #held: (() => void)[] = []

  constructor() {
    const changes = this.store.changes?.bind(this.store)
    this.store.changes = async (receiver) => {
      const feed = await changes?.(this.#slow(receiver))
      if (!feed) throw new Error('The memory store tells of changes.')
      return {
        probe: (echoed) => feed.probe((partitions) => this.#tell('echo', () => echoed(partitions))),
        close: () => feed.close(),
      }
    }
  }

  hold(what: 'echoes' | 'everything' = 'echoes'): void {
    this.#holding = what
  }

  /** Lets the oldest of what is held come back, or all of it and whatever comes. */
  release(count?: number): void {
    if (count === undefined) this.#holding = 'nothing'
    for (const message of this.#held.splice(0, count ?? this.#held.length)) message()
  }

  #slow(receiver: ChangeReceiver): ChangeReceiver {
    return {
      changed: (id) => this.#tell('change', () => receiver.changed(id)),
      userChanged: (userId) => this.#tell('change', () => receiver.userChanged(userId)),
      everyoneChanged: (partitions) => this.#tell('change', () => receiver.everyoneChanged(partitions)),
      lost: (partitions) => this.#tell('change', () => receiver.lost(partitions)),
    }
  }

  #tell(what: 'echo' | 'change', message: () => void): void {
    const isHeld = this.#holding === 'everything' || (this.#holding === 'echoes' && what === 'echo')
    if (isHeld) this.#held.push(message)
    else message()
  }
}
