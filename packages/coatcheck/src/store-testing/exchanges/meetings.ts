/** Places where handlers wait until the case lets them go on, by name. */
export class Meetings {
  readonly #places = new Map<string, Meeting>()

  at(place: string): Meeting {
    let meeting = this.#places.get(place)
    if (!meeting) {
      meeting = new Meeting()
      this.#places.set(place, meeting)
    }
    return meeting
  }

  /** Lets everybody go on. */
  openAll(): void {
    for (const meeting of this.#places.values()) meeting.open()
  }
}

/** Handlers come here and wait; the case knows how many have come, and lets them go on. */
export class Meeting {
  readonly #opened = Promise.withResolvers<void>()
  readonly #expecting: { readonly count: number; readonly resolve: () => void }[] = []
  #arrived = 0

  /** How many have come. */
  get arrived(): number {
    return this.#arrived
  }

  /** For a handler: reports that it is here, and waits. */
  async arrive(): Promise<void> {
    this.pass()
    await this.#opened.promise
  }

  /** For a handler: reports that it was here. */
  pass(): void {
    this.#arrived++
    for (const { count, resolve } of this.#expecting) {
      if (this.#arrived >= count) resolve()
    }
  }

  /** Waits until that many have come. */
  arrivals(count: number): Promise<void> {
    if (this.#arrived >= count) return Promise.resolve()
    return new Promise((resolve) => {
      this.#expecting.push({ count, resolve })
    })
  }

  /** Lets everybody go on, whoever comes later too. */
  open(): void {
    this.#opened.resolve()
  }
}
