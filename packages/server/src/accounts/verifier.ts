import type { JsonFields, Sessions } from 'coatcheck'
import type { Logger } from 'pino'
import type { AuditTrail } from '../audit/audit-trail.ts'
import type { AccountRow } from './account.ts'
import type { AccountTable } from './account-table.ts'
import type { RememberedDevices } from './devices.ts'
import { nameKey, toName } from './names.ts'
import { EndpointError } from './owner-endpoint.ts'
import { BusyError } from './password-hashing.ts'
import { MAX_PASSWORD_LENGTH } from './password-rules.ts'
import type { Throttle } from './throttle.ts'
import {
  type Credentials,
  INVALID,
  type LoginSessions,
  NOBODY,
  type Refused,
  type Verdict,
} from './verdict.ts'

export interface VerifierParts {
  readonly check: {
    check(known: AccountRow | null, credentials: Credentials, sessions: LoginSessions): Promise<Verdict>
  }
  readonly table: AccountTable
  readonly throttle: Throttle
  readonly devices: RememberedDevices
  readonly sessions: Sessions<JsonFields>
  readonly adminSessions: Sessions<JsonFields>
  readonly audit: AuditTrail
  readonly log: Logger
}

/** Checks names and passwords, with the same work for accounts that do not exist, and slows down guessing. */
export class Verifier {
  readonly #parts: VerifierParts

  constructor(parts: VerifierParts) {
    this.#parts = parts
  }

  async verify(credentials: Credentials): Promise<Verdict> {
    const { throttle, table, devices } = this.#parts
    const name = toName(credentials.name)
    if (name === null || credentials.password.length > 2 * MAX_PASSWORD_LENGTH) return INVALID
    const row = await table.byName(name)
    const device = await devices.find(credentials.device, row?.id ?? NOBODY)
    const admission = await throttle.admit({ nameKey: nameKey(name), address: credentials.address, device })
    if (!admission.ok) {
      const { retryAfter } = admission
      return this.#refused({ ok: false, reason: 'throttled', retryAfter }, row, credentials)
    }
    const verdict = await this.#check(row, { ...credentials, name })
    if (verdict.ok || verdict.reason !== 'invalid') await admission.succeeded()
    return verdict.ok ? verdict : this.#refused(verdict, row, credentials)
  }

  async #check(row: AccountRow | null, credentials: Credentials): Promise<Verdict> {
    const { check, sessions, adminSessions, log } = this.#parts
    try {
      return await check.check(row, credentials, credentials.kind === 'admin' ? adminSessions : sessions)
    } catch (error) {
      if (error instanceof BusyError) return { ok: false, reason: 'busy', retryAfter: 2_000 }
      if (!(error instanceof EndpointError)) throw error
      log.error({ err: error }, 'names and passwords cannot be checked')
      return { ok: false, reason: 'unavailable', retryAfter: 5_000 }
    }
  }

  #refused(refused: Refused, row: AccountRow | null, { address, kind = 'user' }: Credentials): Refused {
    this.#parts.audit.record({
      event: refused.reason === 'throttled' ? 'login.throttled' : 'login.failed',
      actor: { kind: kind === 'admin' ? 'admin' : 'user', id: null },
      userId: row?.id ?? null,
      address,
      details: { reason: refused.reason },
    })
    return refused
  }
}
