/** Work on the same key, one after another in the order of asking; work on different keys does not wait. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key)
    const result = before === undefined ? work() : before.then(work, work)
    this.#last.set(key, result)
    const leave = () => {
      if (this.#last.get(key) === result) this.#last.delete(key)
    }
    result.then(leave, leave)
    return result
  }
}
