import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { createSessions, type Environment, keyRing, type SessionStore, type Sessions } from 'coatcheck'
import type { Fields } from './fixture.ts'
import { type Backing, openBacking, type StoreName } from './store-backing.ts'

/** From so many sessions on it takes too long to log them all in, where the store knows a shorter way. */
const MANY = 100_000
const COPIES = 99

/** Sessions over a store of their own, and time that passes as it is asked to. */
export class FilledStore {
  readonly name: StoreName
  readonly sessions: Sessions<Fields>
  readonly #backing: Backing
  #ahead = 0

  private constructor(name: StoreName, backing: Backing) {
    this.name = name
    this.#backing = backing
    this.sessions = createSessions<Fields>({
      store: backing.store,
      ...(backing.ownClock && { keys: keyRing([{ key: randomBytes(32).toString('base64url') }]) }),
      nearCache: false,
      rotateEvery: false,
      maxSessions: false,
      sweepInterval: false,
      environment: this.#environment(),
    })
  }

  static async open(name: StoreName): Promise<FilledStore> {
    const filled = new FilledStore(name, await openBacking(name))
    await filled.sessions.open()
    return filled
  }

  get store(): SessionStore {
    return this.sessions.manager.settings.store
  }

  /** Where the store has its files; throws where it has none here. */
  get directory(): string {
    if (this.#backing.directory === null) throw new Error(`The ${this.name} store has no directory here.`)
    return this.#backing.directory
  }

  /** Bytes outside this process, by part; `null` where there are none. */
  bytes(): Promise<Readonly<Record<string, number>> | null> {
    return this.#backing.bytes()
  }

  /** How many copies of a first part the store is filled with that is to hold `count`; most hold what they were given one by one. */
  copiesFor(count: number): number {
    return this.#backing.copy && count >= MANY ? COPIES : 0
  }

  async copy(copies: number): Promise<void> {
    if (copies > 0) await this.#backing.copy?.(copies)
  }

  /** Whether time has to be waited for, since the store's clock is that of a server. */
  get waitsForTime(): boolean {
    return this.#backing.ownClock
  }

  async pass(milliseconds: number): Promise<void> {
    if (this.waitsForTime) await pause(milliseconds)
    else this.#ahead += milliseconds
  }

  async close(): Promise<void> {
    await this.sessions.close()
    await this.#backing.close()
  }

  #environment(): Environment {
    return {
      now: () => Date.now() + this.#ahead,
      monotonic: () => performance.now(),
      randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
      setTimer(delay, callback) {
        const timer = setTimeout(callback, delay).unref()
        return () => clearTimeout(timer)
      },
    }
  }
}
