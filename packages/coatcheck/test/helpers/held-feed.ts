import { memory } from '../../src/stores/memory.ts'

/** A memory store whose probes come back when they are let. */
export class HeldFeed {
  readonly store = memory()
  #holding = false
  readonly #held: (() => void)[] = []

  constructor() {
    const changes = this.store.changes?.bind(this.store)
    this.store.changes = async (receiver) => {
      const feed = await changes?.(receiver)
      if (!feed) throw new Error('The memory store tells of changes.')
      return {
        probe: (echoed) => (this.#holding ? this.#held.push(() => feed.probe(echoed)) : feed.probe(echoed)),
        close: () => feed.close(),
      }
    }
  }

  hold(): void {
    this.#holding = true
  }

  /** Lets the oldest of what is held come back, or all of it and whatever comes. */
  release(count?: number): void {
    if (count === undefined) this.#holding = false
    for (const echo of this.#held.splice(0, count ?? this.#held.length)) echo()
  }
}
