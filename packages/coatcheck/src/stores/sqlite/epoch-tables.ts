import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { EndReason } from '../../core/record.ts'
import { Query } from './query.ts'
import { joinEpochs } from './stored-session.ts'
import { toText } from './text.ts'

/** When a call was made, by the clock of the environment, and a fresh random value for an epoch it may have to make. */
export interface Stamp {
  readonly now: number
  readonly nonce: string
}

/** What a session stored now belongs to. */
export interface Epoch {
  /** Key of the global epoch. */
  readonly number: number
  readonly user: string | null
  /** As records carry it. */
  readonly text: string
}

/** The current epoch of everyone. */
export const FIND_EPOCH = 'SELECT number, nonce FROM epochs ORDER BY number DESC LIMIT 1'

/** The current epochs of a user, parameter 1. */
export const FIND_USER_EPOCH = `
  SELECT e.number, e.nonce, u.epoch FROM users u, epochs e
  WHERE u.user_id = ? AND e.number = (SELECT max(number) FROM epochs)
`

export type UserEpochRow = readonly [number: number, everyone: string, user: string]

/** The epochs of everyone and of each user: random values, equal on all that none of their ends has reached. */
export class EpochTables {
  readonly #current: Query<[number: number, nonce: string]>
  readonly #ofUser: Query<UserEpochRow>
  readonly #setUser: StatementSync
  readonly #close: StatementSync
  readonly #open: StatementSync

  constructor(database: DatabaseSync) {
    this.#current = new Query(database, FIND_EPOCH)
    this.#ofUser = new Query(database, FIND_USER_EPOCH)
    this.#setUser = database.prepare(SET_USER_EPOCH)
    this.#close = database.prepare('UPDATE epochs SET reason = ?, ended_at = ? WHERE number = ?')
    this.#open = database.prepare('INSERT INTO epochs (number, nonce) VALUES (?, ?)')
  }

  /** For a session of this user. The user's epoch is made from `nonce` if there is none. */
  current(userId: string | null, nonce: string): Epoch {
    const known = userId === null ? null : this.#ofUser.get(toText(userId))
    if (known) return { number: known[0], user: known[2], text: joinEpochs(known[1], known[2]) }
    const { number, everyone } = this.#everyone()
    if (userId === null) return { number, user: null, text: everyone }
    this.renewUser(userId, nonce)
    return { number, user: nonce, text: joinEpochs(everyone, nonce) }
  }

  /** Key of the current global epoch. */
  number(): number {
    return this.#everyone().number
  }

  renewUser(userId: string, nonce: string): void {
    this.#setUser.run(toText(userId), nonce)
  }

  /** Closes the global epoch: every session stored so far is over. */
  endEveryone(reason: EndReason, { now, nonce }: Stamp): void {
    const { number } = this.#everyone()
    this.#close.run(toText(reason), now, number)
    this.#open.run(number + 1, nonce)
  }

  #everyone(): { readonly number: number; readonly everyone: string } {
    const row = this.#current.get()
    if (!row) throw new Error('The table of epochs is empty.')
    return { number: row[0], everyone: row[1] }
  }
}

const SET_USER_EPOCH = `
  INSERT INTO users (user_id, epoch) VALUES (?, ?) ON CONFLICT (user_id) DO UPDATE SET epoch = excluded.epoch
`
