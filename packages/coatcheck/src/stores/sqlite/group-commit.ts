import type { DatabaseSync } from 'node:sqlite'
import type { Call } from './calls.ts'
import { isFull } from './failures.ts'
import { rollBack } from './query.ts'

/** What came of one call: its answer, or what was thrown and whether nothing of it surely remains. */
export type Attempt =
  | { readonly ok: true; readonly answer: unknown }
  | { readonly ok: false; readonly error: unknown; readonly retryable: boolean }

/**
 * Applies calls in groups, one transaction and one fsync for each. The calls of a group are independent: what one
 * throws undoes that one alone.
 */
export class GroupCommit {
  readonly #database: DatabaseSync
  readonly #begin: () => void
  readonly #carryOut: (call: Call) => unknown

  /** `begin` starts a transaction that may write; `carryOut` does one call inside of it. */
  constructor(database: DatabaseSync, begin: () => void, carryOut: (call: Call) => unknown) {
    this.#database = database
    this.#begin = begin
    this.#carryOut = carryOut
  }

  /** Attempts in the order of `calls`, all committed. Never throws. */
  run(calls: readonly Call[]): Attempt[] {
    try {
      this.#begin()
    } catch (error) {
      rollBack(this.#database)
      return calls.map(() => ({ ok: false, error, retryable: true }))
    }
    let committing = false
    try {
      const attempts = calls.map((call) => this.#apply(call))
      committing = true
      this.#database.exec('COMMIT')
      return attempts
    } catch (error) {
      rollBack(this.#database)
      // All of the group is undone, maybe because of one of them: each gets a transaction of its own.
      if (calls.length > 1) return calls.flatMap((call) => this.run([call]))
      return [{ ok: false, error, retryable: !committing || isFull(error) }]
    }
  }

  /** Throws where the whole transaction is lost: there are errors upon which SQLite undoes more than a statement. */
  #apply(call: Call): Attempt {
    this.#database.exec('SAVEPOINT call')
    try {
      const answer = this.#carryOut(call)
      this.#database.exec('RELEASE call')
      return { ok: true, answer }
    } catch (error) {
      if (!this.#undo()) throw error
      return { ok: false, error, retryable: true }
    }
  }

  /** Undoes the present call. Answers whether the transaction goes on. */
  #undo(): boolean {
    try {
      this.#database.exec('ROLLBACK TO call; RELEASE call')
      return true
    } catch {
      return false
    }
  }
}
