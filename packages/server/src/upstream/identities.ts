import type { Environment } from 'coatcheck'
import type { Identity } from '../accounts/account.ts'
import { type Database, first, type Row } from '../storage/database.ts'

/** An identity of an account, as its owner sees it. */
export interface LinkedIdentity extends Identity {
  /** Epoch milliseconds. */
  readonly linkedAt: number
}

/** `taken`: another account's; `account`: there is none any more, or it may have no more of them. */
export type Linked = 'linked' | 'known' | 'taken' | 'account'

/** `last`: there would be no way into the account any more. */
export type Unlinked = 'unlinked' | 'unknown' | 'last'

interface IdentityRow extends Row {
  readonly issuer: string
  readonly subject: string
  readonly label: string
  readonly linked_at: number
}

type Work = Pick<Database, 'all' | 'run'>

/** Identities that one account may have. */
const MOST_IDENTITIES = 20

/** Which accounts the identities at OpenID providers belong to. */
export class Identities {
  readonly #database: Database
  readonly #environment: Environment

  constructor(database: Database, environment: Environment) {
    this.#database = database
    this.#environment = environment
  }

  /** The account's id, or `null`. */
  find({ issuer, subject }: Pick<Identity, 'issuer' | 'subject'>): Promise<string | null> {
    return findIn(this.#database, issuer, subject)
  }

  async list(accountId: string): Promise<readonly LinkedIdentity[]> {
    const rows = await this.#database.all<IdentityRow>(
      'SELECT issuer, subject, label, linked_at FROM coatcheck_identities WHERE account_id = $1 ORDER BY linked_at, subject',
      accountId,
    )
    return rows.map(({ linked_at: linkedAt, ...rest }) => ({ ...rest, linkedAt }))
  }

  /** Whoever has the identity keeps it. */
  link(accountId: string, { issuer, subject, label }: Identity): Promise<Linked> {
    return this.#database.transaction(async (transaction) => {
      if (!(await claimAccount(transaction, accountId))) return 'account'
      const owner = await findIn(transaction, issuer, subject)
      if (owner !== null) return owner === accountId ? 'known' : 'taken'
      const [count] = await transaction.all<{ identities: number }>(
        'SELECT COUNT(*) AS identities FROM coatcheck_identities WHERE account_id = $1',
        accountId,
      )
      if (Number(count?.identities ?? 0) >= MOST_IDENTITIES) return 'account'
      const made = await transaction.run(
        'INSERT INTO coatcheck_identities VALUES ($1, $2, $3, $4, $5) ON CONFLICT (issuer, subject) DO NOTHING',
        ...[issuer, subject, accountId, label, this.#environment.now()],
      )
      return made === 1 ? 'linked' : 'taken'
    })
  }

  /** `usable`: issuers with whom people can sign in; an identity at any other is no way in. */
  unlink(
    accountId: string,
    { issuer, subject }: Pick<Identity, 'issuer' | 'subject'>,
    usable: readonly string[],
  ): Promise<Unlinked> {
    return this.#database.transaction(async (transaction) => {
      if (!(await claimAccount(transaction, accountId))) return 'unknown'
      const [account] = await transaction.all<{ password: string | null }>(
        'SELECT password FROM coatcheck_accounts WHERE id = $1',
        accountId,
      )
      const rows = await transaction.all<IdentityRow>(
        'SELECT issuer, subject FROM coatcheck_identities WHERE account_id = $1',
        accountId,
      )
      const others = rows.filter((row) => row.issuer !== issuer || row.subject !== subject)
      if (others.length === rows.length) return 'unknown'
      const isWayIn = account?.password != null || others.some((row) => usable.includes(row.issuer))
      if (!isWayIn) return 'last'
      const sql = 'DELETE FROM coatcheck_identities WHERE issuer = $1 AND subject = $2'
      await transaction.run(sql, issuer, subject)
      return 'unlinked'
    })
  }
}

/** Changes of one account's ways in take turns, and end with the account. */
async function claimAccount(transaction: Work, accountId: string): Promise<boolean> {
  return (await transaction.run('UPDATE coatcheck_accounts SET id = id WHERE id = $1', accountId)) === 1
}

async function findIn(database: Work, issuer: string, subject: string): Promise<string | null> {
  const row = await first<{ account_id: string }>(
    database,
    'SELECT account_id FROM coatcheck_identities WHERE issuer = $1 AND subject = $2',
    issuer,
    subject,
  )
  return row?.account_id ?? null
}
