import { type AccountRow, toAccount } from './account.ts'
import type { AccountTable } from './account-table.ts'
import type { PasswordHashing } from './password-hashing.ts'
import { type Credentials, INVALID, type LoginSessions, NOBODY, type Verdict } from './verdict.ts'

/** Checks passwords against the accounts that are kept here. */
export class LocalCheck {
  readonly #table: AccountTable
  readonly #hashing: PasswordHashing

  constructor(table: AccountTable, hashing: PasswordHashing) {
    this.#table = table
    this.#hashing = hashing
  }

  /** The attempt is begun before the hash is read: of a password that is changed in between, the old one is of no use. */
  async check(known: AccountRow | null, credentials: Credentials, sessions: LoginSessions): Promise<Verdict> {
    const { password, kind = 'user' } = credentials
    const attempt = await sessions.beginLogin(known?.id ?? NOBODY)
    const row = await this.#table.byId(known?.id ?? NOBODY)
    const right = await this.#hashing.verify(password, row?.password ?? null)
    if (!right || row === null || (kind === 'admin' && row.admin !== 1)) return INVALID
    if (row.disabled === 1) return { ok: false, reason: 'disabled' }
    await this.#upgrade(row, password)
    return { ok: true, account: toAccount(row), attempt, methods: ['pwd'] }
  }

  /** Only while it is the same hash: a change of the password meanwhile must not be undone. */
  async #upgrade({ id, password: hashed }: AccountRow, password: string): Promise<void> {
    if (hashed === null || !this.#hashing.isOutdated(hashed)) return
    await this.#table.replacePassword(id, hashed, await this.#hashing.hash(password))
  }
}
