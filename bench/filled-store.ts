import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSessions, type Environment, type SessionStore, type Sessions } from 'coatcheck'
import { memory } from 'coatcheck/memory'
import { sqlite } from 'coatcheck/sqlite'
import type { Fields } from './fixture.ts'

export type StoreName = 'memory' | 'SQLite'

/** Sessions over a store of their own, with a clock that can be put forward. */
export class FilledStore {
  readonly name: StoreName
  readonly sessions: Sessions<Fields>
  readonly directory: string
  #ahead = 0

  constructor(name: StoreName) {
    this.name = name
    this.directory = mkdtempSync(join(tmpdir(), 'coatcheck-bench-'))
    this.sessions = createSessions<Fields>({
      store: name === 'memory' ? memory({ maxSessions: 2_000_000 }) : sqlite(this.#file),
      rotateEvery: false,
      maxSessions: false,
      sweepInterval: false,
      environment: this.#environment(),
    })
  }

  get store(): SessionStore {
    return this.sessions.manager.settings.store
  }

  /** Bytes of the database with its log; `null` where there is none. */
  get fileBytes(): number | null {
    if (this.name === 'memory') return null
    const files = [this.#file, `${this.#file}-wal`].map((file) => statSync(file, { throwIfNoEntry: false }))
    return files.reduce((sum, file) => sum + (file?.size ?? 0), 0)
  }

  putClockForward(milliseconds: number): void {
    this.#ahead += milliseconds
  }

  async close(): Promise<void> {
    await this.sessions.close()
    rmSync(this.directory, { recursive: true, force: true })
  }

  get #file(): string {
    return join(this.directory, 'sessions.db')
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
