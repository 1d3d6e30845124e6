import type { DatabaseSync } from 'node:sqlite'
import { scalar } from './query.ts'

/** Pages above the limit that ending sessions may take: see `DiskReserve`, for a limit of our own instead of a full disk. */
const HEADROOM_PAGES = 256

/** Keeps the database file within a size, by refusing (`SQLITE_FULL`) what would need another page. */
export class PageLimit {
  readonly #database: DatabaseSync
  readonly #pages: number

  constructor(database: DatabaseSync, bytes: number) {
    this.#database = database
    this.#pages = Math.max(1, Math.floor(bytes / Number(scalar(database, 'PRAGMA page_size'))))
    this.#set(this.#pages)
  }

  /** Runs `work` with some pages more. */
  exceed<T>(work: () => T): T {
    this.#set(this.#pages + HEADROOM_PAGES)
    try {
      return work()
    } finally {
      this.#set(this.#pages)
    }
  }

  #set(pages: number): void {
    // Never below the present size, which SQLite sees to.
    this.#database.exec(`PRAGMA max_page_count = ${pages}`)
  }
}
