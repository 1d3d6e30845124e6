import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SessionId } from '../../core/record.ts'
import { toText } from './text.ts'

/** Changes that stay readable. Who is further behind has to start afresh. */
const KEPT = 10_000

/** Old ones are removed in lots. */
const LOT = 1_000

/** What a change is about. */
export const OF_SESSION = 0
export const OF_USER = 1
export const OF_EVERYONE = 2

/**
 * What other processes must know, written in the transaction that changes it: its number is one more than that of the
 * change before. Ends by a deadline are not written, since everybody knows the deadline.
 */
export class ChangeLog {
  readonly #insert: StatementSync
  readonly #trim: StatementSync

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare('INSERT INTO changes (kind, subject) VALUES (?, ?)')
    this.#trim = database.prepare('DELETE FROM changes WHERE number <= ?')
  }

  session(id: SessionId): void {
    this.#write(OF_SESSION, id)
  }

  user(userId: string): void {
    this.#write(OF_USER, toText(userId))
  }

  everyone(): void {
    this.#write(OF_EVERYONE, '')
  }

  #write(kind: number, subject: string): void {
    const number = Number(this.#insert.run(kind, subject).lastInsertRowid)
    if (number % LOT === 0) this.#trim.run(number - KEPT)
  }
}
