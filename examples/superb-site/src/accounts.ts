import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { toAccountName } from './account-rules.ts'
import { Cart, EMPTY_CART, mergeCarts } from './cart.ts'
import type { Clock } from './clock.ts'
import { isCurrency } from './money.ts'
import { hashPassword, isWeak, verifyPassword } from './passwords.ts'
import { isTheme, type Preferences } from './preferences.ts'

interface AccountRow {
  readonly user_id: string
  readonly name: string
  readonly password_hash: string
  readonly theme: string | null
  readonly currency: string | null
  readonly leftover_cart: string | null
}

/** Who may sign in, and what the shop remembers of them beyond a session. */
export class Accounts {
  readonly #database: DatabaseSync
  readonly #clock: Clock
  /** Checked where a name is unknown, so that the answer takes as long. */
  readonly #decoy: Promise<string>

  constructor(database: DatabaseSync, clock: Clock) {
    this.#database = database
    this.#clock = clock
    this.#decoy = hashPassword(randomUUID())
  }

  /** The new user's id, or `null` where the name is taken: by somebody who signs up at the same moment, too. */
  async create(name: string, password: string): Promise<string | null> {
    const userId = randomUUID()
    const passwordHash = await hashPassword(password)
    const { changes } = this.#run(
      `INSERT INTO accounts (user_id, name, password_hash, created_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (name) DO NOTHING`,
      [userId, toAccountName(name), passwordHash, this.#clock.now()],
    )
    return changes === 1 ? userId : null
  }

  /** Somebody who has an account elsewhere, and signs in there: no password leads here. */
  adopt(userId: string, name: string): void {
    // Names are unique there as well: whoever had this one before has another by now.
    this.#run('UPDATE accounts SET name = user_id WHERE name = ? AND user_id <> ?', [name, userId])
    this.#run(
      `INSERT INTO accounts (user_id, name, password_hash, created_at) VALUES (?, ?, '', ?)
       ON CONFLICT (user_id) DO UPDATE SET name = excluded.name`,
      [userId, name, this.#clock.now()],
    )
  }

  /** The user id that a name belongs to, or `null`. */
  idOf(name: string): string | null {
    const statement = this.#database.prepare('SELECT user_id FROM accounts WHERE name = ?')
    const row = statement.get(toAccountName(name)) as Pick<AccountRow, 'user_id'> | undefined
    return row?.user_id ?? null
  }

  /** Whether it is the user's password; for nobody's (`null`) false, after as long a time. */
  async verify(userId: string | null, password: string): Promise<boolean> {
    const account = userId === null ? undefined : this.#find(userId)
    const matches = await verifyPassword(account?.password_hash ?? (await this.#decoy), password)
    if (!account || !matches) return false
    if (isWeak(account.password_hash)) await this.#rehash(account, password)
    return true
  }

  nameOf(userId: string): string | null {
    return this.#find(userId)?.name ?? null
  }

  async changePassword(userId: string, password: string): Promise<void> {
    const passwordHash = await hashPassword(password)
    this.#run('UPDATE accounts SET password_hash = ? WHERE user_id = ?', [passwordHash, userId])
  }

  /** What the user has chosen; nothing of what was never chosen. */
  preferencesOf(userId: string): Partial<Preferences> {
    const { theme, currency } = this.#find(userId) ?? {}
    return { ...(isTheme(theme) && { theme }), ...(isCurrency(currency) && { currency }) }
  }

  savePreferences(userId: string, { theme, currency }: Preferences): void {
    this.#run('UPDATE accounts SET theme = ?, currency = ? WHERE user_id = ?', [theme, currency, userId])
  }

  /** Keeps a cart until the next login; together with what another device left. */
  leaveCart(userId: string, cart: Cart): void {
    if (cart.lines.length === 0) return
    const merged = mergeCarts(cart, this.leftoverCart(userId))
    this.#run('UPDATE accounts SET leftover_cart = ? WHERE user_id = ?', [JSON.stringify(merged), userId])
  }

  /** What `leaveCart` kept, or an empty cart. */
  leftoverCart(userId: string): Cart {
    const text = this.#find(userId)?.leftover_cart
    return text ? Cart.parse(JSON.parse(text)) : EMPTY_CART
  }

  forgetLeftoverCart(userId: string): void {
    this.#run('UPDATE accounts SET leftover_cart = NULL WHERE user_id = ?', [userId])
  }

  /** With today's parameters; not over a password that was changed while this one was checked. */
  async #rehash({ user_id, password_hash }: AccountRow, password: string): Promise<void> {
    this.#run('UPDATE accounts SET password_hash = ? WHERE user_id = ? AND password_hash = ?', [
      await hashPassword(password),
      user_id,
      password_hash,
    ])
  }

  #find(userId: string): AccountRow | undefined {
    const statement = this.#database.prepare('SELECT * FROM accounts WHERE user_id = ?')
    return statement.get(userId) as AccountRow | undefined
  }

  #run(sql: string, values: readonly (string | number)[]): { readonly changes: number | bigint } {
    return this.#database.prepare(sql).run(...values)
  }
}
