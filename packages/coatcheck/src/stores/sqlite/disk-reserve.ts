import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs'

/** Room for some thousand tombstones and the log that they pass through. */
const RESERVE_BYTES = 1_048_576

/**
 * A file of zeros beside the database. On a full disk ending a session still has to write a tombstone, and logging out
 * must not fail for want of a few kilobytes: then the file is given up to make room, and made again once there is some.
 */
export class DiskReserve {
  readonly #path: string

  constructor(database: string) {
    this.#path = `${database}-reserve`
  }

  /** Makes the file if it is missing. Without space for it there is no reserve, which is no reason to fail. */
  keep(): void {
    if (existsSync(this.#path)) return
    try {
      const file = openSync(this.#path, 'wx', 0o600)
      try {
        const zeros = new Uint8Array(RESERVE_BYTES)
        for (let written = 0; written < RESERVE_BYTES; ) written += writeSync(file, zeros, written)
      } finally {
        closeSync(file)
      }
    } catch (error) {
      // Another process that makes it right now is as good; half a reserve would only be in the way.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') this.release()
    }
  }

  release(): void {
    rmSync(this.#path, { force: true })
  }
}
