import { Buffer } from 'node:buffer'
import type { Environment } from 'coatcheck'
import type { Actor } from '../audit/audit-entry.ts'
import type { AuditTrail } from '../audit/audit-trail.ts'
import { type Database, first, type Row } from '../storage/database.ts'
import type { Migration } from '../storage/migrations.ts'
import { sha256 } from '../system.ts'
import type { Account } from './account.ts'
import type { RememberedDevices } from './devices.ts'
import type { Throttle } from './throttle.ts'
import { base32, enrolmentUri, stepOf } from './totp.ts'
import { INVALID, type Refused } from './verdict.ts'

export const SECOND_FACTOR_MIGRATIONS: readonly Migration[] = [
  {
    id: '003-second-factors',
    statements: [
      `CREATE TABLE coatcheck_second_factors (
        account_id TEXT PRIMARY KEY, secret TEXT NOT NULL, last_step BIGINT NOT NULL, created_at BIGINT NOT NULL)`,
      `CREATE TABLE coatcheck_recovery_codes (
        account_id TEXT NOT NULL, code TEXT NOT NULL, PRIMARY KEY (account_id, code))`,
    ],
  },
]

/** Seals what has to be read again, under the master keys, for one place only. */
export interface Seals {
  seal(place: string, text: string): string
  open(place: string, sealed: string): string | null
}

/** A secret that an app is to be told of; nothing is kept of it until a code proves that the app knows it. */
export interface Enrolment {
  /** For a hidden field: comes back with the first code. */
  readonly sealed: string
  /** For typing, in groups of four. */
  readonly key: string
  /** For a QR code. */
  readonly uri: string
}

/** What somebody gives as the second step. */
export interface GivenCode {
  readonly account: Pick<Account, 'id'>
  /** Of the app, or a recovery code; blanks and dashes do not count. */
  readonly code: string
  /** Of the client, after proxy trust; `null`: unknown. */
  readonly address: string | null
  /** Secret of the remembered device; `null`: none. */
  readonly device: string | null
}

export interface SecondFactorState {
  readonly createdAt: number
  /** Recovery codes that have not been used. */
  readonly codes: number
}

interface FactorRow extends Row {
  readonly secret: string
  readonly last_step: number
  readonly created_at: number
}

export interface SecondFactorParts {
  readonly database: Database
  readonly environment: Environment
  readonly seals: Seals
  readonly throttle: Throttle
  readonly devices: RememberedDevices
  readonly audit: AuditTrail
}

const SECRET_BYTES = 20
const CODES = 10
/** 80 random bits: nobody finds one by its hash. */
const CODE_BYTES = 10

/**
 * One-time codes of authenticator apps (RFC 6238) as a second step of logins, and recovery codes in their place. Secrets are
 * sealed under the master keys, and again under the current one whenever they are used; recovery codes are kept as hashes.
 */
export class SecondFactors {
  readonly #parts: SecondFactorParts

  constructor(parts: SecondFactorParts) {
    this.#parts = parts
  }

  /** `null`: the account has none. */
  async find(accountId: string): Promise<SecondFactorState | null> {
    const row = await this.#row(accountId)
    if (row === null) return null
    const codes = await this.#parts.database.all(
      'SELECT code FROM coatcheck_recovery_codes WHERE account_id = $1',
      accountId,
    )
    return { createdAt: row.created_at, codes: codes.length }
  }

  /** A fresh secret, or the one of a try before; the site's and the account's name are what apps show. */
  propose({ id, name }: Pick<Account, 'id' | 'name'>, site: string, before: string | null = null): Enrolment {
    const { seals, environment } = this.#parts
    const known = before === null ? null : this.#proposed(id, before)
    const secret = known ?? environment.randomBytes(SECRET_BYTES)
    const sealed = known === null || before === null ? seals.seal(proposal(id), encode(secret)) : before
    const key = base32(secret).replaceAll(/(.{4})(?=.)/g, '$1 ')
    return { sealed, key, uri: enrolmentUri(secret, { site, name }) }
  }

  /**
   * Adds what was proposed, once a code shows that the app has it. Answers with recovery codes, which are shown this once;
   * `null`: a wrong code, or the account has a second step already.
   */
  async add({ id }: Pick<Account, 'id'>, sealed: string, given: string): Promise<readonly string[] | null> {
    const { database, seals, environment } = this.#parts
    const secret = this.#proposed(id, sealed)
    const now = environment.now()
    const step = secret && stepOf(secret, plain(given), now, 0)
    if (!secret || step === null) return null
    const codes = await database.transaction(async (transaction) => {
      const made = await transaction.run(
        'INSERT INTO coatcheck_second_factors VALUES ($1, $2, $3, $4) ON CONFLICT (account_id) DO NOTHING',
        ...[id, seals.seal(place(id), encode(secret)), step, now],
      )
      return made === 1 ? this.#makeCodes(transaction, id) : null
    })
    if (codes !== null) this.#record('second-step.added', { kind: 'user', id }, id)
    return codes
  }

  /** Other recovery codes in the place of those that are left. */
  async renewCodes(accountId: string): Promise<readonly string[]> {
    const codes = await this.#parts.database.transaction((transaction) =>
      this.#makeCodes(transaction, accountId),
    )
    this.#record('second-step.codes-renewed', { kind: 'user', id: accountId }, accountId)
    return codes
  }

  /** `false` where there is none. */
  async remove(accountId: string, by: Actor): Promise<boolean> {
    const removed = await this.#parts.database.transaction(async (transaction) => {
      await transaction.run('DELETE FROM coatcheck_recovery_codes WHERE account_id = $1', accountId)
      return transaction.run('DELETE FROM coatcheck_second_factors WHERE account_id = $1', accountId)
    })
    if (removed === 1) this.#record('second-step.removed', by, accountId)
    return removed === 1
  }

  /**
   * Whether a code is good now. Each is good once, for all processes together. Guesses are counted before they are looked at,
   * as passwords are, and apart from them: a right password forgives none.
   */
  async verify({
    account: { id },
    code,
    address,
    device,
  }: GivenCode): Promise<{ readonly ok: true } | Refused> {
    const { throttle, devices } = this.#parts
    const known = await devices.find(device, id)
    // No name has a control character: these counters are nobody's password's.
    const admission = await throttle.admit({ nameKey: `\u0002second step ${id}`, address, device: known })
    if (!admission.ok) {
      this.#record('second-step.throttled', { kind: 'user', id: null }, id, address)
      return { ok: false, reason: 'throttled', retryAfter: admission.retryAfter }
    }
    const text = plain(code)
    const isRight = /^\d{6}$/.test(text)
      ? await this.#useStep(id, text)
      : await this.#useRecovery(id, text, address)
    if (isRight) {
      await admission.succeeded()
      return { ok: true }
    }
    this.#record('second-step.failed', { kind: 'user', id: null }, id, address)
    return INVALID
  }

  async #useStep(id: string, code: string): Promise<boolean> {
    const { database, seals, environment } = this.#parts
    const row = await this.#row(id)
    const opened = row && seals.open(place(id), row.secret)
    if (!opened) return false
    const secret = decode(opened)
    const step = stepOf(secret, code, environment.now(), row.last_step)
    if (step === null) return false
    const used = await database.run(
      `UPDATE coatcheck_second_factors SET last_step = $1, secret = $2
        WHERE account_id = $3 AND last_step < $1 AND secret = $4`,
      ...[step, seals.seal(place(id), opened), id, row.secret],
    )
    return used === 1
  }

  async #useRecovery(id: string, code: string, address: string | null): Promise<boolean> {
    const used = await this.#parts.database.run(
      'DELETE FROM coatcheck_recovery_codes WHERE account_id = $1 AND code = $2',
      id,
      hashOf(id, letters(code)),
    )
    if (used === 1) this.#record('second-step.recovery-used', { kind: 'user', id }, id, address)
    return used === 1
  }

  async #makeCodes(transaction: Pick<Database, 'run'>, id: string): Promise<readonly string[]> {
    await transaction.run('DELETE FROM coatcheck_recovery_codes WHERE account_id = $1', id)
    const codes = Array.from({ length: CODES }, () => base32(this.#parts.environment.randomBytes(CODE_BYTES)))
    for (const code of codes) {
      await transaction.run('INSERT INTO coatcheck_recovery_codes VALUES ($1, $2)', id, hashOf(id, code))
    }
    return codes.map((code) => code.toLowerCase().replaceAll(/(.{4})(?=.)/g, '$1-'))
  }

  #row(accountId: string): Promise<FactorRow | null> {
    const sql = 'SELECT secret, last_step, created_at FROM coatcheck_second_factors WHERE account_id = $1'
    return first<FactorRow>(this.#parts.database, sql, accountId)
  }

  #proposed(accountId: string, sealed: string): Uint8Array | null {
    const opened = this.#parts.seals.open(proposal(accountId), sealed)
    return opened === null ? null : decode(opened)
  }

  #record(event: string, actor: Actor, userId: string, address: string | null = null): void {
    this.#parts.audit.record({ event, actor, userId, address })
  }
}

/** Where a secret lies, and where one does that is not kept yet: neither opens in the place of the other. */
function place(accountId: string): string {
  return `second step ${accountId}`
}

function proposal(accountId: string): string {
  return `second step proposed ${accountId}`
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

function decode(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'))
}

function plain(code: string): string {
  return code.slice(0, 64).replaceAll(/[\s-]/g, '')
}

/** As a recovery code was given out, whatever somebody makes of it who reads it from paper. */
function letters(code: string): string {
  return code.toUpperCase().replaceAll('0', 'O').replaceAll('1', 'I').replaceAll('8', 'B')
}

function hashOf(accountId: string, code: string): string {
  return sha256(`coatcheck recovery\0${accountId}\0${code}`)
}
