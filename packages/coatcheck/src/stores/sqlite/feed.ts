import type { DatabaseSync } from 'node:sqlite'
import type { SessionId } from '../../core/record.ts'
import type { ChangeFeed, ChangeReceiver } from '../../core/store.ts'
import { OF_SESSION, OF_USER } from './change-log.ts'
import { isBusy } from './failures.ts'
import { Query } from './query.ts'
import { fromText } from './text.ts'

/** Changes told in one turn; who is further behind is told that something is missing instead. */
const AT_ONCE = 1_000

/**
 * The changes of all processes that use the file, read from it in the calling thread: a look at a counter of SQLite's says
 * whether there are any, which takes a microsecond, so each probe is answered at once.
 */
export class Feed implements ChangeFeed {
  readonly immediate = true
  readonly #receiver: ChangeReceiver
  readonly #latest: Query<[number: number | null]>
  readonly #from: Query<[number: number, kind: number, subject: string]>
  /** Differs from the last look's where another connection has written; `null`: everything is written on this one. */
  readonly #version: Query<[version: number]> | null
  #seenVersion = Number.NaN
  /** Number of the last change that was told. */
  #last: number
  #closed = false

  constructor(database: DatabaseSync, receiver: ChangeReceiver, isShared: boolean) {
    this.#receiver = receiver
    this.#latest = new Query(database, 'SELECT max(number) FROM changes')
    this.#from = new Query(
      database,
      'SELECT number, kind, subject FROM changes WHERE number >= ? ORDER BY number LIMIT ?',
    )
    this.#version = isShared ? new Query(database, 'PRAGMA data_version') : null
    this.#last = this.#latestNumber()
  }

  probe(echoed: (partitions: null) => void): void {
    if (!this.#closed && this.#catchUp()) echoed(null)
  }

  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }

  /** Whether everything has been told. A file that cannot be read now proves nothing. */
  #catchUp(): boolean {
    try {
      const version = this.#version?.get()?.[0] ?? Number.NaN
      if (version !== this.#seenVersion) this.#tellNew()
      this.#seenVersion = version
      return true
    } catch (error) {
      if (!isBusy(error)) this.#receiver.lost(null)
      return false
    }
  }

  #tellNew(): void {
    const rows = this.#from.all(this.#last, AT_ONCE + 2)
    const follows =
      this.#last === 0 ? rows[0]?.[0] !== undefined && rows[0][0] === 1 : rows[0]?.[0] === this.#last
    if (rows.length === 0 && this.#last === 0) return
    if (!follows || rows.length > AT_ONCE + 1) {
      this.#last = this.#latestNumber()
      this.#receiver.lost(null)
      return
    }
    for (const [number, kind, subject] of rows) {
      if (number === this.#last) continue
      this.#last = number
      this.#tell(kind, subject)
    }
  }

  #tell(kind: number, subject: string): void {
    if (kind === OF_SESSION) this.#receiver.changed(subject as SessionId)
    else if (kind === OF_USER) this.#receiver.userChanged(fromText(subject))
    else this.#receiver.everyoneChanged(null)
  }

  #latestNumber(): number {
    return this.#latest.get()?.[0] ?? 0
  }
}
