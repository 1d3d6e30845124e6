import type { Environment } from 'coatcheck'
import type { Database } from '../storage/database.ts'
import { randomText, sha256 } from '../system.ts'

/** How long a link is good, in milliseconds. */
export const RESET_LIFE = 30 * 60_000

/** Links of one account that are good at once; further ones are not made, so that nobody floods a mailbox. */
const MOST_LINKS = 3

/** Links to choose a new password: good once, for half an hour, kept as hashes. */
export class PasswordResets {
  readonly #database: Database
  readonly #environment: Environment

  constructor(database: Database, environment: Environment) {
    this.#database = database
    this.#environment = environment
  }

  /** `null` where the account has enough of them. */
  async issue(accountId: string): Promise<{ readonly token: string; readonly expiresAt: number } | null> {
    const now = this.#environment.now()
    const token = randomText(this.#environment, 32)
    const expiresAt = now + RESET_LIFE
    await this.#database.run('DELETE FROM coatcheck_password_resets WHERE expires_at <= $1', now)
    const made = await this.#database.run(
      `INSERT INTO coatcheck_password_resets (token, account_id, expires_at)
        SELECT $1, id, CAST($2 AS BIGINT) FROM coatcheck_accounts
        WHERE id = $3 AND (SELECT COUNT(*) FROM coatcheck_password_resets WHERE account_id = $3) < $4`,
      sha256(token),
      expiresAt,
      accountId,
      MOST_LINKS,
    )
    return made === 1 ? { token, expiresAt } : null
  }

  /** Whose link it is, if it is good now; looks only. */
  async find(token: string): Promise<string | null> {
    const [row] = await this.#database.all<{ account_id: string }>(
      'SELECT account_id FROM coatcheck_password_resets WHERE token = $1 AND expires_at > $2',
      sha256(token),
      this.#environment.now(),
    )
    return row?.account_id ?? null
  }

  /** Uses a link up, and all others of the account with it; of two who come at once, one is first. */
  async redeem(token: string): Promise<string | null> {
    return this.#database.transaction(async (transaction) => {
      const [row] = await transaction.all<{ account_id: string }>(
        'DELETE FROM coatcheck_password_resets WHERE token = $1 AND expires_at > $2 RETURNING account_id',
        sha256(token),
        this.#environment.now(),
      )
      if (!row) return null
      await transaction.run('DELETE FROM coatcheck_password_resets WHERE account_id = $1', row.account_id)
      return row.account_id
    })
  }

  /** The account's links are good no more. */
  async forget(accountId: string): Promise<void> {
    await this.#database.run('DELETE FROM coatcheck_password_resets WHERE account_id = $1', accountId)
  }
}
