import type { DatabaseSync } from 'node:sqlite'
import { Query } from './query.ts'

/** Changed rows after which the log is written back: about the 1,000 pages that are SQLite's own default. */
const CHANGES_PER_CHECKPOINT = 256

/** Frames of the log (4 kB each) above which writers are made to wait so that it can start over. */
const LONGEST_LOG = 16_384

/**
 * Writes the write-ahead log back into the database between groups. Errors are ignored: the log still has everything,
 * and what ails the file shows at the next transaction.
 */
export class Checkpoints {
  readonly #database: DatabaseSync
  readonly #totalChanges: Query<[number]>
  #changesWritten = 0

  constructor(database: DatabaseSync) {
    this.#database = database
    this.#totalChanges = new Query(database, 'SELECT total_changes()')
  }

  /** Writes back once enough has collected. */
  afterGroup(): void {
    const changes = this.#totalChanges.get()?.[0] ?? 0
    if (changes - this.#changesWritten < CHANGES_PER_CHECKPOINT) return
    this.#changesWritten = changes
    this.now()
  }

  /** Writes back what readers allow, so that the log starts over in the room that it has. */
  now(): void {
    if (this.#run('PASSIVE') > LONGEST_LOG) this.#run('RESTART')
  }

  /** Writes everything back and empties the log. */
  atClose(): void {
    this.#run('TRUNCATE')
  }

  /** Frames in the log. */
  #run(mode: 'PASSIVE' | 'RESTART' | 'TRUNCATE'): number {
    try {
      const row = this.#database.prepare(`PRAGMA wal_checkpoint(${mode})`).get()
      return Number(row?.log ?? 0)
    } catch {
      return 0
    }
  }
}
