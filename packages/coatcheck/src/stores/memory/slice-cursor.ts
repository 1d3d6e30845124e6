/**
 * Walks a map in slices of bounded work. A pass starts at the first entry and goes on where the last slice stopped;
 * entries that come or go meanwhile disturb nothing, and what was passed already waits for the next pass.
 */
export class SliceCursor<Value> {
  readonly #map: ReadonlyMap<unknown, Value>
  #pass: Iterator<Value> | null = null

  constructor(map: ReadonlyMap<unknown, Value>) {
    this.#map = map
  }

  /** Visits up to `budget` entries, until `visit` answers false. Returns whether the pass is at its end. */
  slice(budget: number, visit: (value: Value) => boolean): boolean {
    this.#pass ??= this.#map.values()
    for (let visited = 0; visited < budget; visited++) {
      const next = this.#pass.next()
      if (next.done) {
        this.#pass = null
        return true
      }
      if (!visit(next.value)) return false
    }
    return false
  }
}
