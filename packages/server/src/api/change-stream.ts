import type { EventStream } from 'coatcheck'

/** Changes that are named one by one at once; of more the listener is told to drop everything. */
const MOST_NAMED = 5_000

/** One listener's stream. What changes within one turn is told together. */
export class ChangeStream {
  /** Public id of the API key that it was opened with. */
  readonly owner: string
  /** On their way. */
  probes = 0
  readonly #events: EventStream
  readonly #sessions = new Set<string>()
  readonly #users = new Set<string>()
  #isReset = false
  #isDue = false

  constructor(events: EventStream, owner: string) {
    this.#events = events
    this.owner = owner
  }

  /** Data, token or life of a session. */
  changed(id: string): void {
    this.#add(this.#sessions, id)
  }

  /** All sessions of a user have ended. */
  userChanged(userId: string): void {
    // Inner users: those of what hangs on sessions.
    if (!userId.startsWith('\u0001')) this.#add(this.#users, userId)
  }

  /** All sessions have ended, or nobody knows which have. */
  reset(): void {
    this.#isReset = true
    this.#sessions.clear()
    this.#users.clear()
    this.#schedule()
  }

  /** Something that is not to overtake the changes before it. */
  tell(event: string, data: object): void {
    this.#flush()
    this.#events.send({ event, data: JSON.stringify(data) })
  }

  close(): void {
    this.#events.close()
  }

  #add(named: Set<string>, name: string): void {
    if (this.#isReset) return
    named.add(name)
    if (this.#sessions.size + this.#users.size > MOST_NAMED) this.reset()
    else this.#schedule()
  }

  #schedule(): void {
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    this.#isDue = false
    const [sessions, users] = [[...this.#sessions], [...this.#users]]
    this.#sessions.clear()
    this.#users.clear()
    if (this.#isReset) {
      this.#isReset = false
      this.#events.send({ event: 'reset', data: '{}' })
    } else if (sessions.length + users.length > 0) {
      this.#events.send({ event: 'changed', data: JSON.stringify({ sessions, users }) })
    }
  }
}
