import type { JsonFields, LoginAttempt, Sessions } from 'coatcheck'
import type { AuditTrail } from '../audit/audit-trail.ts'
import { type Account, type AccountRow, toAccount } from './account.ts'
import type { AccountTable } from './account-table.ts'
import type { RememberedDevices } from './devices.ts'
import { nameKey, toName } from './names.ts'
import { BusyError, type PasswordHashing } from './password-hashing.ts'
import { MAX_PASSWORD_LENGTH } from './password-rules.ts'
import type { Throttle } from './throttle.ts'

/** What somebody signs in with. */
export interface Credentials {
  readonly name: string
  readonly password: string
  /** Of the client, after proxy trust; `null`: unknown. */
  readonly address: string | null
  /** Secret of the remembered device, from its cookie; `null`: none. */
  readonly device: string | null
  /** Where the login is to be: `admin` asks for the right to administer too. Default `user`. */
  readonly kind?: 'user' | 'admin'
}

/**
 * Why not. `invalid`: no such account, a wrong password, or no administrator. `disabled`: the password was right.
 * `throttled`: too many failures; `busy`: too many at once; nothing is known about the password in both.
 */
export type Refusal = 'invalid' | 'disabled' | 'throttled' | 'busy'

export type Verdict =
  | {
      readonly ok: true
      readonly account: Account
      /** For `login` of the sessions of that kind. */
      readonly attempt: LoginAttempt
      /** How the user proved who they are (RFC 8176). */
      readonly methods: readonly string[]
    }
  | {
      readonly ok: false
      readonly reason: Refusal
      /** Milliseconds until it makes sense to try again. */
      readonly retryAfter?: number
    }

interface VerifierParts {
  readonly table: AccountTable
  readonly hashing: PasswordHashing
  readonly throttle: Throttle
  readonly devices: RememberedDevices
  readonly sessions: Sessions<JsonFields>
  readonly adminSessions: Sessions<JsonFields>
  readonly audit: AuditTrail
}

const INVALID: Verdict = Object.freeze({ ok: false, reason: 'invalid' })

/** Checks names and passwords, with the same work for accounts that do not exist. */
export class Verifier {
  readonly #parts: VerifierParts

  constructor(parts: VerifierParts) {
    this.#parts = parts
  }

  async verify(credentials: Credentials): Promise<Verdict> {
    const { throttle, audit } = this.#parts
    const { password, address } = credentials
    const name = toName(credentials.name)
    if (name === null || password.length > 2 * MAX_PASSWORD_LENGTH) return INVALID
    const row = await this.#parts.table.byName(name)
    const device = await this.#parts.devices.find(credentials.device, row?.id ?? NOBODY)
    const admission = await throttle.admit({ nameKey: nameKey(name), address, device })
    const actor = { kind: 'user', id: null } as const
    const userId = row?.id ?? null
    if (!admission.ok) {
      audit.record({ event: 'login.throttled', actor, userId, address })
      return { ok: false, reason: 'throttled', retryAfter: admission.retryAfter }
    }
    const verdict = await this.#check(row, credentials)
    if (verdict.ok || verdict.reason !== 'invalid') await admission.succeeded()
    if (!verdict.ok)
      audit.record({ event: 'login.failed', actor, userId, address, details: { reason: verdict.reason } })
    return verdict
  }

  /** The attempt is begun before the hash is read: of a password that is changed in between, the old one is of no use. */
  async #check(known: AccountRow | null, { password, kind = 'user' }: Credentials): Promise<Verdict> {
    const { table, hashing } = this.#parts
    const sessions = kind === 'admin' ? this.#parts.adminSessions : this.#parts.sessions
    const attempt = await sessions.beginLogin(known?.id ?? NOBODY)
    const row = await table.byId(known?.id ?? NOBODY)
    try {
      if (!(await hashing.verify(password, row?.password ?? null)) || row?.password == null) return INVALID
      if (kind === 'admin' && row.admin !== 1) return INVALID
      if (row.disabled === 1) return { ok: false, reason: 'disabled' }
      if (hashing.isOutdated(row.password)) {
        await table.replacePassword(row.id, row.password, await hashing.hash(password))
      }
      return { ok: true, account: toAccount(row), attempt, methods: ['pwd'] }
    } catch (error) {
      if (error instanceof BusyError) return { ok: false, reason: 'busy', retryAfter: 2_000 }
      throw error
    }
  }
}

/** Whose sessions are asked about for a name that nobody has, so that it takes as long. */
const NOBODY = '-'
