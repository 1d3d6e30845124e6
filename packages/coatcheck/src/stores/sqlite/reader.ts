import type { DatabaseSync } from 'node:sqlite'
import type { SessionId } from '../../core/record.ts'
import type { ChangeFeed, ChangeReceiver, FindResult, ListResult, ScanResult } from '../../core/store.ts'
import { MEMORY } from './connections.ts'
import { FIND_EPOCH, FIND_USER_EPOCH, type UserEpochRow } from './epoch-tables.ts'
import { isBusy, toFailure } from './failures.ts'
import { Feed } from './feed.ts'
import { type Page, parseCursor, toListResult } from './paging.ts'
import { Query } from './query.ts'
import { parseScanCursor, Scanning } from './scanning.ts'
import { FIND_SESSION, LIST_SESSIONS } from './session-tables.ts'
import { joinEpochs, type SessionRow, StoredSession } from './stored-session.ts'
import { toText } from './text.ts'
import { FIND_TOMBSTONE, type TombstoneRow, tombstoneOf, toTombstone } from './tombstones.ts'

/**
 * Reads in the calling thread, a few pages at a time. Each method answers `null` where it takes a writer: something is
 * over and has to be ended before that is told, or a lock is in the way, for which this thread does not wait.
 */
export class Reader {
  readonly #path: string
  readonly #session: Query<SessionRow>
  readonly #tombstone: Query<TombstoneRow>
  readonly #list: Query<SessionRow>
  readonly #userEpoch: Query<UserEpochRow>
  readonly #epoch: Query<[number: number, nonce: string]>
  readonly #scanning: Scanning

  readonly #database: DatabaseSync
  readonly #isShared: boolean

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#isShared = path !== MEMORY
    this.#path = path
    this.#session = new Query(database, FIND_SESSION)
    this.#tombstone = new Query(database, FIND_TOMBSTONE)
    this.#list = new Query(database, LIST_SESSIONS)
    this.#userEpoch = new Query(database, FIND_USER_EPOCH)
    this.#epoch = new Query(database, FIND_EPOCH)
    this.#scanning = new Scanning(database)
  }

  find(id: SessionId, now: number): FindResult | null {
    return this.#unlessBusy(() => {
      const row = this.#session.get(id)
      if (row) return this.#judge(new StoredSession(row), now)
      const tombstone = this.#tombstone.get(id)
      if (!tombstone) return { status: 'unknown' }
      return { status: 'ended', tombstone: toTombstone(tombstone), now, justEnded: false }
    })
  }

  list(userId: string, page: Page, now: number): ListResult | null {
    parseCursor(page.cursor)
    return this.#unlessBusy(() => {
      let anyOver = false
      const result = toListResult(page, now, (place, limit) => {
        const found = this.#list.all(toText(userId), ...place, limit).map((row) => new StoredSession(row))
        anyOver = found.some((session) => session.overBy(now))
        return found
      })
      return anyOver ? null : result
    })
  }

  scan(page: Page, now: number): ScanResult | null {
    parseScanCursor(page.cursor)
    return this.#unlessBusy(() => this.#scanning.page(page, now))
  }

  feed(receiver: ChangeReceiver): ChangeFeed {
    return new Feed(this.#database, receiver, this.#isShared)
  }

  epochOf(userId: string | null): string | null {
    return this.#unlessBusy(() => {
      if (userId === null) return this.#epoch.get()?.[1] ?? null
      const row = this.#userEpoch.get(toText(userId))
      return row && joinEpochs(row[1], row[2])
    })
  }

  #judge(session: StoredSession, now: number): FindResult | null {
    const over = session.overBy(now)
    if (!over) return { status: 'live', record: session.record, now }
    if (!over.reported) return null
    return { status: 'ended', tombstone: tombstoneOf(session, over), now, justEnded: false }
  }

  #unlessBusy<T>(read: () => T | null): T | null {
    try {
      return read()
    } catch (error) {
      if (isBusy(error)) return null
      throw toFailure(error, this.#path, true)
    }
  }
}
