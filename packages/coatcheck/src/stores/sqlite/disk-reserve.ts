import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs'

/** More than the write-ahead log collects between two checkpoints, so that giving this up always lets one through. */
const RESERVE_BYTES = 4_194_304

/**
 * A file of zeros beside the database. On a full disk ending a session still has to write a tombstone, and logging out
 * must not fail for want of a few kilobytes: then the file is given up to make room, and made again once there is some.
 */
export class DiskReserve {
  readonly #path: string

  constructor(database: string) {
    this.#path = `${database}-reserve`
  }

  /** Makes the file if it is missing. Answers whether it is there. */
  keep(): boolean {
    if (existsSync(this.#path)) return true
    try {
      const file = openSync(this.#path, 'wx', 0o600)
      try {
        const zeros = new Uint8Array(RESERVE_BYTES)
        for (let written = 0; written < RESERVE_BYTES; ) written += writeSync(file, zeros, written)
      } finally {
        closeSync(file)
      }
      return true
    } catch (error) {
      // Another process that makes it right now is as good; half a reserve would only be in the way.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return true
      this.release()
      return false
    }
  }

  release(): void {
    rmSync(this.#path, { force: true })
  }
}
