import type { JsonFields } from 'coatcheck'
import type { Row } from '../storage/database.ts'
import type { Migration } from '../storage/migrations.ts'

/** Somebody who can sign in. Frozen. Instants: epoch milliseconds. */
export interface Account {
  /** The user id of their sessions; never changes. */
  readonly id: string
  /** What they sign in with, as they wrote it. */
  readonly name: string
  /** The claim `email`, else the name where it is an address. */
  readonly email: string | null
  /** Facts about the user that sessions, forward-auth and tokens carry. */
  readonly claims: JsonFields
  /** Whether they may administer the server; their sessions as a user never give that right. */
  readonly admin: boolean
  readonly disabled: boolean
  readonly createdAt: number
  /** `null`: has no password here. */
  readonly passwordChangedAt: number | null
}

/** Who somebody is at an OpenID provider of others. */
export interface Identity {
  readonly issuer: string
  /** At most 255 characters. */
  readonly subject: string
  /** What its owner knows it by: an address or a name there. */
  readonly label: string
}

export interface AccountPage {
  readonly accounts: readonly Account[]
  /** Where the next page starts; `null` at the end. */
  readonly cursor: string | null
}

/** An account as it is kept: with the hash of its password, which leaves this part for nobody. */
export interface AccountRow extends Row {
  readonly id: string
  readonly name: string
  readonly name_key: string
  readonly password: string | null
  readonly claims: string
  readonly admin: number
  readonly disabled: number
  readonly created_at: number
  readonly password_changed_at: number | null
}

export const ACCOUNT_MIGRATIONS: readonly Migration[] = [
  {
    id: '001-accounts',
    statements: [
      `CREATE TABLE coatcheck_accounts (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, password TEXT, claims TEXT NOT NULL,
        admin BIGINT NOT NULL, disabled BIGINT NOT NULL, created_at BIGINT NOT NULL, password_changed_at BIGINT)`,
      `CREATE TABLE coatcheck_login_delays (
        subject TEXT PRIMARY KEY, failures BIGINT NOT NULL, last_at BIGINT NOT NULL)`,
      'CREATE INDEX coatcheck_login_delays_by_age ON coatcheck_login_delays (last_at)',
      `CREATE TABLE coatcheck_devices (
        device TEXT NOT NULL, account_id TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (device, account_id))`,
      'CREATE INDEX coatcheck_devices_by_account ON coatcheck_devices (account_id, created_at)',
      `CREATE TABLE coatcheck_password_resets (
        token TEXT PRIMARY KEY, account_id TEXT NOT NULL, expires_at BIGINT NOT NULL)`,
      'CREATE INDEX coatcheck_password_resets_by_account ON coatcheck_password_resets (account_id)',
    ],
  },
]

export function toAccount(row: AccountRow): Account {
  const claims = Object.freeze(JSON.parse(row.claims) as JsonFields)
  return Object.freeze({
    id: row.id,
    name: row.name,
    email: emailOf(row.name, claims),
    claims,
    admin: row.admin === 1,
    disabled: row.disabled === 1,
    createdAt: row.created_at,
    passwordChangedAt: row.password_changed_at,
  })
}

function emailOf(name: string, { email }: JsonFields): string | null {
  if (typeof email === 'string') return email
  return /^[^\s@]+@[^\s@]+$/.test(name) ? name : null
}
