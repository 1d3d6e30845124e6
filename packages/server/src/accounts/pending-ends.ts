import type { Environment } from 'coatcheck'
import type { Logger } from 'pino'
import { type Database, first } from '../storage/database.ts'
import type { Migration } from '../storage/migrations.ts'
import { randomText } from '../system.ts'

export const PENDING_END_MIGRATIONS: readonly Migration[] = [
  {
    id: '004-pending-ends',
    statements: [
      'CREATE TABLE coatcheck_pending_ends (account_id TEXT PRIMARY KEY, mark TEXT NOT NULL, since BIGINT NOT NULL)',
    ],
  },
]

/** How often what others have left is looked for, and how long they have to do it themselves, in milliseconds. */
const LOOK_AGAIN = 30_000
const PATIENCE = 60_000

/**
 * Accounts whose sessions are still to be ended, because of something that is written already: a new password, a right taken
 * away. The mark is written with it, in one transaction, so that a process that is killed in between leaves it to the others.
 */
export class PendingEnds {
  readonly #database: Database
  readonly #environment: Environment
  readonly #log: Pick<Logger, 'error'>
  #cancel: () => void = () => {}

  constructor(database: Database, environment: Environment, log: Pick<Logger, 'error'>) {
    this.#database = database
    this.#environment = environment
    this.#log = log
  }

  /** Within the transaction that makes an end necessary. */
  static async mark(transaction: Pick<Database, 'run'>, id: string, environment: Environment): Promise<void> {
    await transaction.run(
      `INSERT INTO coatcheck_pending_ends VALUES ($1, $2, $3)
        ON CONFLICT (account_id) DO UPDATE SET mark = $2, since = $3`,
      ...[id, randomText(environment, 12), environment.now()],
    )
  }

  /** Does `end`, and takes away the mark that was there when it began. */
  async settle(id: string, end: () => Promise<unknown>): Promise<void> {
    const sql = 'SELECT mark FROM coatcheck_pending_ends WHERE account_id = $1'
    const pending = await first<{ mark: string }>(this.#database, sql, id)
    await end()
    if (pending === null) return
    const { mark } = pending
    await this.#database.run(
      'DELETE FROM coatcheck_pending_ends WHERE account_id = $1 AND mark = $2',
      id,
      mark,
    )
  }

  /** Lets `end` do what processes have left that are no more: all of it now, and again and again what is left from now on. */
  async resume(end: (id: string) => Promise<void>, patience = 0): Promise<void> {
    try {
      const before = this.#environment.now() - patience
      const sql = 'SELECT account_id AS id FROM coatcheck_pending_ends WHERE since <= $1'
      for (const { id } of await this.#database.all<{ id: string }>(sql, before)) await end(id)
    } catch (error) {
      this.#log.error({ err: error }, 'sessions of changed accounts could not be ended yet')
    }
    this.#cancel = this.#environment.setTimer(LOOK_AGAIN, () => void this.resume(end, PATIENCE))
  }

  close(): void {
    this.#cancel()
  }
}
