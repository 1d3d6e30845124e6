import { type ClientEnvironment, join, safely } from './platform.ts'

/** What is left of a session, in seconds as the server told and the monotonic clock has counted on; never negative. */
export interface Remaining {
  readonly idle: number
  readonly absolute: number
}

/** Told to listeners of `onExpiringSoon`. */
export interface ExpiringSoon {
  /** Whole seconds until the session ends. */
  readonly secondsLeft: number
  /** The limit that is reached first; a use of the session moves `idle`, nothing moves `absolute`. */
  readonly limit: 'idle' | 'absolute'
}

interface Listener {
  readonly tell: (soon: ExpiringSoon) => void
  readonly within: number
  told: boolean
}

/** Counts both limits down; asks `check`, which may `set` it anew, before it tells anybody that time is short or over. */
export class Countdown {
  readonly #environment: ClientEnvironment
  /** Never rejects. */
  readonly #check: () => Promise<unknown>
  readonly #listeners = new Set<Listener>()
  #deadlines: Remaining | null = null
  #cancel = () => {}

  constructor(environment: ClientEnvironment, check: () => Promise<unknown>, expire: () => void) {
    this.#environment = environment
    this.#check = check
    this.listen(expire, 0)
  }

  get remaining(): Remaining | null {
    if (!this.#deadlines) return null
    const now = this.#environment.monotonic()
    const left = (deadline: number) => Math.max(0, Math.floor((deadline - now) / 1_000))
    return { idle: left(this.#deadlines.idle), absolute: left(this.#deadlines.absolute) }
  }

  /** Seconds from now on. */
  set({ idle, absolute }: Remaining): void {
    const now = this.#environment.monotonic()
    this.#deadlines = { idle: now + idle * 1_000, absolute: now + absolute * 1_000 }
    for (const listener of this.#listeners) {
      if (Math.min(idle, absolute) > listener.within) listener.told = false
    }
    this.#arm()
  }

  clear(): void {
    this.#deadlines = null
    this.#cancel()
    for (const listener of this.#listeners) listener.told = false
  }

  listen(tell: (soon: ExpiringSoon) => void, within: number): () => void {
    const leave = join(this.#listeners, { tell, within, told: false })
    this.#arm()
    return leave
  }

  #end(): number {
    return this.#deadlines
      ? Math.min(this.#deadlines.idle, this.#deadlines.absolute)
      : Number.POSITIVE_INFINITY
  }

  /** When somebody is to be told next, or the session is over. */
  #due(): number {
    const within = [...this.#listeners].filter(({ told }) => !told).map((listener) => listener.within)
    return this.#end() - Math.max(0, ...within) * 1_000
  }

  #arm(): void {
    this.#cancel()
    if (!this.#deadlines) return
    const delay = Math.max(0, this.#due() - this.#environment.monotonic())
    this.#cancel = this.#environment.setTimer(delay, () => void this.#ring())
  }

  async #ring(): Promise<void> {
    if (this.#environment.monotonic() >= this.#due()) {
      await this.#check()
      this.#tell(this.#end() - this.#environment.monotonic())
    }
    this.#arm()
  }

  #tell(left: number): void {
    for (const listener of this.#listeners) {
      // Whoever is told of the end, first of all, clears the deadlines.
      if (!this.#deadlines || listener.told || left > listener.within * 1_000) continue
      listener.told = true
      const limit = this.#deadlines.absolute < this.#deadlines.idle ? 'absolute' : 'idle'
      safely(() => listener.tell({ secondsLeft: Math.floor(left / 1_000), limit }))
    }
  }
}

/** The seconds in a header `Session-Expires`, `null` where it is missing or not understood. */
export function parseExpires(response: Response): Remaining | null {
  const found = /^idle=(\d+), *absolute=(\d+)$/.exec(response.headers.get('session-expires') ?? '')
  return found && { idle: Number(found[1]), absolute: Number(found[2]) }
}
