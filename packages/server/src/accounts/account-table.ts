import type { Environment, JsonFields } from 'coatcheck'
import { type Database, first } from '../storage/database.ts'
import { randomText } from '../system.ts'
import { type Account, type AccountPage, type AccountRow, type Identity, toAccount } from './account.ts'
import { nameKey } from './names.ts'
import { PendingEnds } from './pending-ends.ts'

export interface NewAccount {
  readonly name: string
  /** Hash of the password. */
  readonly password: string | null
  readonly claims: JsonFields
  readonly admin: boolean
  /** The way in of an account that is made for it. */
  readonly identity: Identity | null
}

type Queries = Pick<Database, 'all' | 'run'>

/** What became of a change: `last-administrator`: it would leave nobody who can administer. */
export type Outcome = 'ok' | 'unknown' | 'last-administrator'

/** The rows of accounts and their SQL; of rules it knows the one that needs a lock. */
export class AccountTable {
  readonly #database: Database
  readonly #environment: Environment

  constructor(database: Database, environment: Environment) {
    this.#database = database
    this.#environment = environment
  }

  byId(id: string): Promise<AccountRow | null> {
    return first<AccountRow>(this.#database, 'SELECT * FROM coatcheck_accounts WHERE id = $1', id)
  }

  byName(name: string): Promise<AccountRow | null> {
    const sql = 'SELECT * FROM coatcheck_accounts WHERE name_key = $1'
    return first<AccountRow>(this.#database, sql, nameKey(name))
  }

  /** `null` where somebody has the name already. Throws a `DatabaseError` (`conflict`), with nothing done, where somebody has the identity. */
  async insert({ name, password, claims, admin, identity }: NewAccount): Promise<Account | null> {
    const now = this.#environment.now()
    const row: AccountRow = {
      id: randomText(this.#environment, 15),
      name,
      name_key: nameKey(name),
      password,
      claims: JSON.stringify(claims),
      admin: admin ? 1 : 0,
      disabled: 0,
      created_at: now,
      password_changed_at: password === null ? null : now,
    }
    return this.#database.transaction(async (transaction) => {
      const made = await transaction.run(
        `INSERT INTO coatcheck_accounts VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (name_key) DO NOTHING`,
        ...Object.values(row),
      )
      if (made === 0) return null
      if (identity !== null) {
        const { issuer, subject, label } = identity
        const sql = 'INSERT INTO coatcheck_identities VALUES ($1, $2, $3, $4, $5)'
        await transaction.run(sql, issuer, subject, row.id, label, now)
      }
      return toAccount(row)
    })
  }

  /** What the owner's endpoint says of somebody, kept under its id; whoever had the name before has it no more. */
  async mirror(id: string, name: string, claims: JsonFields): Promise<AccountRow> {
    const key = nameKey(name)
    return this.#database.transaction(async (transaction) => {
      await transaction.run(
        'UPDATE coatcheck_accounts SET name_key = $1 || id WHERE name_key = $2 AND id <> $3',
        NO_NAME,
        key,
        id,
      )
      const [row] = await transaction.all<AccountRow>(
        `INSERT INTO coatcheck_accounts VALUES ($1, $2, $3, NULL, $4, 0, 0, $5, NULL)
          ON CONFLICT (id) DO UPDATE SET name = $2, name_key = $3, claims = $4 RETURNING *`,
        id,
        name,
        key,
        JSON.stringify(claims),
        this.#environment.now(),
      )
      return row as AccountRow
    })
  }

  /** In the order of names; `query` is the beginning of one. */
  async list(page: {
    readonly query?: string
    readonly limit: number
    readonly cursor: string | null
  }): Promise<AccountPage> {
    const start = nameKey(page.query ?? '')
    const rows = await this.#database.all<AccountRow>(
      `SELECT * FROM coatcheck_accounts WHERE name_key > $1 AND name_key LIKE $2 ESCAPE '!' ORDER BY name_key LIMIT $3`,
      page.cursor ?? '',
      `${start.replaceAll(/[!%_]/g, '!$&')}%`,
      page.limit + 1,
    )
    const shown = rows.slice(0, page.limit)
    const cursor = rows.length > page.limit ? (shown.at(-1)?.name_key ?? null) : null
    return { accounts: shown.map(toAccount), cursor }
  }

  /** Puts a hash in the place of another; `false` where it is another meanwhile, or the account is gone. */
  async replacePassword(id: string, before: string, after: string): Promise<boolean> {
    const sql = 'UPDATE coatcheck_accounts SET password = $1 WHERE id = $2 AND password = $3'
    return (await this.#database.run(sql, after, id, before)) === 1
  }

  /** A new password; with `before`, only while that is the hash. */
  setPassword(id: string, password: string, before: string | null = null): Promise<boolean> {
    const sql = `UPDATE coatcheck_accounts SET password = $1, password_changed_at = $2
      WHERE id = $3 AND ($4 = '' OR password = $4)`
    return this.#writePassword(id, (database) =>
      database.run(sql, password, this.#environment.now(), id, before ?? ''),
    )
  }

  /** The first password of an account that has none; `false` where it has one meanwhile. */
  setFirstPassword(id: string, password: string): Promise<boolean> {
    const sql =
      'UPDATE coatcheck_accounts SET password = $1, password_changed_at = $2 WHERE id = $3 AND password IS NULL'
    return this.#writePassword(id, (database) => database.run(sql, password, this.#environment.now(), id))
  }

  /** Whoever was in by the password before, or has a link to choose one, is out. */
  #writePassword(id: string, write: (database: Queries) => Promise<number>): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      if ((await write(transaction)) !== 1) return false
      await transaction.run('DELETE FROM coatcheck_password_resets WHERE account_id = $1', id)
      await PendingEnds.mark(transaction, id, this.#environment)
      return true
    })
  }

  async setClaims(id: string, claims: JsonFields): Promise<boolean> {
    const sql = 'UPDATE coatcheck_accounts SET claims = $1 WHERE id = $2'
    return (await this.#database.run(sql, JSON.stringify(claims), id)) === 1
  }

  setAdmin(id: string, admin: boolean): Promise<Outcome> {
    const sql = 'UPDATE coatcheck_accounts SET admin = $1 WHERE id = $2'
    return this.#change(id, { takesAway: !admin }, (database) => database.run(sql, admin ? 1 : 0, id))
  }

  /** Whether somebody may administer. */
  async hasAdmin(): Promise<boolean> {
    const sql = 'SELECT id FROM coatcheck_accounts WHERE admin = 1 AND disabled = 0 LIMIT 1'
    return (await first(this.#database, sql)) !== null
  }

  /** Whether somebody signs in to it with an account elsewhere. */
  async hasIdentity(id: string): Promise<boolean> {
    const sql = 'SELECT account_id FROM coatcheck_identities WHERE account_id = $1 LIMIT 1'
    return (await first(this.#database, sql, id)) !== null
  }

  setDisabled(id: string, disabled: boolean): Promise<Outcome> {
    const sql = 'UPDATE coatcheck_accounts SET disabled = $1 WHERE id = $2'
    return this.#change(id, { takesAway: disabled }, (database) => database.run(sql, disabled ? 1 : 0, id))
  }

  remove(id: string): Promise<Outcome> {
    return this.#change(id, { takesAway: true }, async (database) => {
      // First: what would be linked to it meanwhile waits, and finds no account.
      const removed = await database.run('DELETE FROM coatcheck_accounts WHERE id = $1', id)
      for (const table of OF_ACCOUNTS) await database.run(`DELETE FROM ${table} WHERE account_id = $1`, id)
      return removed
    })
  }

  /**
   * Refuses what would leave nobody who can administer. The rows of all administrators are locked, so that two who take the
   * right from each other at once take turns; in SQLite one transaction writes at a time.
   */
  #change(
    id: string,
    { takesAway }: { readonly takesAway: boolean },
    work: (database: Queries) => Promise<number>,
  ): Promise<Outcome> {
    const lock = this.#database.dialect === 'postgres' ? 'FOR UPDATE' : ''
    return this.#database.transaction(async (transaction) => {
      if (takesAway) {
        const [one, other] = await transaction.all<{ id: string }>(
          `SELECT id FROM coatcheck_accounts WHERE admin = 1 AND disabled = 0 ORDER BY id ${lock}`,
        )
        if (one?.id === id && other === undefined) return 'last-administrator'
      }
      if ((await work(transaction)) !== 1) return 'unknown'
      if (takesAway) await PendingEnds.mark(transaction, id, this.#environment)
      return 'ok'
    })
  }
}

/** Tables whose rows go with their account. */
const OF_ACCOUNTS = [
  'coatcheck_devices',
  'coatcheck_identities',
  'coatcheck_password_resets',
  'coatcheck_recovery_codes',
  'coatcheck_second_factors',
]

/** Begins the key of a mirror whose name somebody else has now; no name has a control character. */
const NO_NAME = '\u0001'
