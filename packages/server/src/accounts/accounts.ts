import type { JsonFields, SessionId, Sessions } from 'coatcheck'
import type { ApiKeys } from 'coatcheck/tokens'
import type { Logger } from 'pino'
import type { Actor } from '../audit/audit-entry.ts'
import type { AuditTrail } from '../audit/audit-trail.ts'
import type { Settings } from '../config/settings.ts'
import type { Database } from '../storage/database.ts'
import { type Account, type AccountPage, type Identity, toAccount } from './account.ts'
import { AccountTable, type Outcome } from './account-table.ts'
import { readCommonPasswords } from './common-passwords.ts'
import { DelegatedCheck } from './delegated-check.ts'
import { RememberedDevices } from './devices.ts'
import { LocalCheck } from './local-check.ts'
import { nameKey, toName } from './names.ts'
import { OwnerEndpoint } from './owner-endpoint.ts'
import { PasswordHashing } from './password-hashing.ts'
import { PasswordResets } from './password-resets.ts'
import { type PasswordFault, passwordFault } from './password-rules.ts'
import { PendingEnds } from './pending-ends.ts'
import { ResetMail } from './reset-mail.ts'
import { type Seals, SecondFactors } from './second-factors.ts'
import { copyClaims, refreshClaims } from './session-claims.ts'
import { Throttle } from './throttle.ts'
import type { Credentials, Refused, Verdict } from './verdict.ts'
import { Verifier } from './verifier.ts'

export type { Account, AccountPage } from './account.ts'
export type { Outcome } from './account-table.ts'
export type { PasswordFault } from './password-rules.ts'
export type { Credentials, Refused, Verdict } from './verdict.ts'

export interface CreateAccount {
  readonly name: string
  /** `null`: cannot sign in with a password. */
  readonly password: string | null
  /** JSON of at most 8 kB. */
  readonly claims?: JsonFields
  readonly admin?: boolean
  /** Of an OpenID provider; nobody's yet, or `create` throws a `DatabaseError` (`conflict`). */
  readonly identity?: Identity
}

export type AccountFault = 'name-invalid' | 'name-taken' | 'claims-too-large' | PasswordFault

export type Created =
  | { readonly ok: true; readonly account: Account }
  | { readonly ok: false; readonly reason: AccountFault }

export interface ChangePassword {
  readonly id: string
  readonly current: string
  readonly password: string
  readonly address: string | null
  /** Secret of the remembered device; `null`: none. */
  readonly device: string | null
  /** The session that goes on; the caller gives it a new token (`session.reauthenticate`). */
  readonly keep: SessionId | null
}

export type Changed = { readonly ok: true } | { readonly ok: false; readonly fault: PasswordFault } | Refused

/** What accounts are made of. */
export interface AccountParts {
  readonly settings: Settings
  readonly log: Logger
  readonly database: Database
  readonly sessions: Sessions<JsonFields>
  readonly adminSessions: Sessions<JsonFields>
  readonly apiKeys: ApiKeys
  readonly audit: AuditTrail
  /** For what has to be read again. */
  readonly seals: Seals
}

const SYSTEM: Actor = Object.freeze({ kind: 'system', id: null })
const MAX_CLAIMS = 8_192

/**
 * The people who sign in: rules and tables, no HTTP. What somebody's account loses, their sessions, tokens and keys lose with it.
 * `by`: who did it, for the audit trail; default the server itself.
 */
export class Accounts {
  readonly devices: RememberedDevices
  readonly secondFactors: SecondFactors
  readonly #parts: AccountParts
  readonly #table: AccountTable
  readonly #hashing = new PasswordHashing()
  readonly #commonPasswords = readCommonPasswords()
  readonly #throttle: Throttle
  readonly #verifier: Verifier
  readonly #resets: PasswordResets
  readonly #pending: PendingEnds
  /** `null`: there are no resets. */
  readonly #resetMail: ResetMail | null

  constructor(parts: AccountParts) {
    const { settings, database, sessions } = parts
    const { environment } = sessions.manager.settings
    this.#parts = parts
    this.#table = new AccountTable(database, environment)
    this.devices = new RememberedDevices(database, environment)
    this.#throttle = new Throttle(database, environment)
    this.#resets = new PasswordResets(database, environment)
    this.#pending = new PendingEnds(database, environment, parts.log)
    const verifyEndpoint = endpointOf(parts, settings.verifyUrl)
    const resetEndpoint = endpointOf(parts, settings.resetUrl)
    const mail = { ...parts, table: this.#table, resets: this.#resets }
    this.#resetMail =
      verifyEndpoint || !resetEndpoint ? null : new ResetMail({ ...mail, endpoint: resetEndpoint })
    const check = verifyEndpoint
      ? new DelegatedCheck(this.#table, verifyEndpoint, (id) => copyClaims(sessions, this.#table, id))
      : new LocalCheck(this.#table, this.#hashing)
    const shared = { table: this.#table, throttle: this.#throttle, devices: this.devices }
    this.secondFactors = new SecondFactors({ ...parts, ...shared, environment })
    this.#verifier = new Verifier({ ...parts, ...shared, check })
  }

  /** Whether names and passwords are checked by the owner's endpoint: then nobody signs up here, nor changes a password. */
  get delegated(): boolean {
    return this.#parts.settings.verifyUrl !== null
  }

  /** Whether links to choose a new password can be sent. */
  get resets(): boolean {
    return this.#resetMail !== null
  }

  /** Makes an account. Of several at once with one name, one is made. */
  async create(asked: CreateAccount, by: Actor = SYSTEM): Promise<Created> {
    const { password, claims = {}, admin = false, identity = null } = asked
    const name = toName(asked.name)
    if (name === null) return { ok: false, reason: 'name-invalid' }
    if (isTooLarge(claims)) return { ok: false, reason: 'claims-too-large' }
    const fault = password === null ? null : this.passwordFault(password, name)
    if (fault !== null) return { ok: false, reason: fault }
    const hashed = password === null ? null : await this.#hashing.hash(password)
    const account = await this.#table.insert({ name, password: hashed, claims, admin, identity })
    if (account === null) return { ok: false, reason: 'name-taken' }
    this.#record('user.created', by, account.id, { admin })
    return { ok: true, account }
  }

  async find(id: string): Promise<Account | null> {
    const row = await this.#table.byId(id)
    return row && toAccount(row)
  }

  /** The name however it is written: case and compatibility forms do not count. */
  async findByName(given: string): Promise<Account | null> {
    const name = toName(given)
    const row = name === null ? null : await this.#table.byName(name)
    return row && toAccount(row)
  }

  /** In the order of names, in pages of at most 1,000 (default 100). `query`: how the name begins. */
  list(
    page: { readonly query?: string; readonly limit?: number; readonly cursor?: string | null } = {},
  ): Promise<AccountPage> {
    const limit = Math.min(Math.max(1, Math.trunc(page.limit ?? 100)), 1_000)
    return this.#table.list({ query: page.query ?? '', limit, cursor: page.cursor ?? null })
  }

  /** Whether there is an administrator who can sign in; else a set-up link names the first. */
  hasAdmin(): Promise<boolean> {
    return this.#table.hasAdmin()
  }

  /** Why a password cannot be chosen, or `null`. */
  passwordFault(password: string, name: string): PasswordFault | null {
    const { minPasswordLength } = this.#parts.settings
    return passwordFault(password, name, {
      minLength: minPasswordLength,
      isCommon: (folded) => this.#commonPasswords.has(folded),
    })
  }

  /**
   * Whether name and password are somebody's. Give `attempt` to `session.login`, so that a password that is changed meanwhile
   * loses the race. Remote callers are told the same for every reason but `throttled` and `busy`.
   */
  verify(credentials: Credentials): Promise<Verdict> {
    return this.#verifier.verify(credentials)
  }

  /** A new password in exchange for the current one; ends all other sessions of the user (LIO-07), and all of an administrator. */
  async changePassword({ id, current, password, address, device, keep }: ChangePassword): Promise<Changed> {
    const account = await this.find(id)
    if (account === null) return { ok: false, reason: 'invalid' }
    if (this.delegated) return { ok: false, reason: 'unavailable' }
    const verdict = await this.verify({ name: account.name, password: current, address, device })
    if (!verdict.ok) return verdict
    const fault = this.passwordFault(password, account.name)
    if (fault !== null) return { ok: false, fault }
    const before = (await this.#table.byId(id))?.password ?? null
    // Changed by somebody else since it was verified: then this caller knew the password before that.
    if (before === null || !(await this.#hashing.verify(current, before)))
      return { ok: false, reason: 'invalid' }
    await this.#endSessions(id, keep)
    if (!(await this.#table.setPassword(id, await this.#hashing.hash(password), before))) {
      return { ok: false, reason: 'invalid' }
    }
    await this.#endSessions(id, keep)
    await this.devices.forget(id, device)
    this.#record('user.password-changed', { kind: 'user', id }, id)
    return { ok: true }
  }

  /**
   * The password of an account that has none, for a user who has just proven who they are; ends all other sessions as a change
   * does. `unknown`: there is no such account, or it has a password meanwhile.
   */
  async setFirstPassword(
    id: string,
    password: string,
    keep: SessionId | null,
  ): Promise<PasswordFault | 'unknown' | null> {
    const account = await this.find(id)
    if (account === null || this.delegated) return 'unknown'
    const fault = this.passwordFault(password, account.name)
    if (fault !== null) return fault
    if (!(await this.#table.setFirstPassword(id, await this.#hashing.hash(password)))) return 'unknown'
    await this.#endSessions(id, keep)
    this.#record('user.password-set', { kind: 'user', id }, id)
    return null
  }

  /** A new password without the current one, for administrators; ends all sessions of the user. */
  async setPassword(
    id: string,
    password: string,
    by: Actor = SYSTEM,
  ): Promise<PasswordFault | 'unknown' | null> {
    const account = await this.find(id)
    if (account === null) return 'unknown'
    const fault = this.passwordFault(password, account.name)
    if (fault !== null) return fault
    if (!(await this.#table.setPassword(id, await this.#hashing.hash(password)))) return 'unknown'
    await this.#endSessions(id, null)
    await this.devices.forget(id)
    this.#record('user.password-set', by, id)
    return null
  }

  /**
   * Counts a try of something that anybody may do, such as signing up, against an address; milliseconds until the next one,
   * 0: go on.
   */
  limit(what: 'sign-up' | 'reset' | 'upstream', address: string | null): Promise<number> {
    return this.#throttle.limit(what, address)
  }

  /** Takes back a try that came to what it was meant for. */
  unlimit(what: 'upstream', address: string | null): Promise<void> {
    return this.#throttle.unlimit(what, address)
  }

  /**
   * Lets the owner's endpoint send a link to choose a new password: `{ name, email, link, expiresAt }`. Resolves at once,
   * whether or not there is such an account, so that nobody learns it.
   */
  requestReset(given: string, toLink: (token: string) => string): void {
    this.#resetMail?.send(given, toLink)
  }

  /** Whether a link is good now; looks only. */
  async isResetToken(token: string): Promise<boolean> {
    return (await this.#resets.find(token)) !== null
  }

  /** A new password by a link, which is used up; ends all sessions of the user. `unknown`: not good (any more). */
  async resetPassword(
    token: string,
    password: string,
    address: string | null,
  ): Promise<PasswordFault | 'unknown' | null> {
    const account = await this.find((await this.#resets.find(token)) ?? '')
    if (account === null || account.disabled) return 'unknown'
    const fault = this.passwordFault(password, account.name)
    if (fault !== null) return fault
    if ((await this.#resets.redeem(token)) !== account.id) return 'unknown'
    const refused = await this.setPassword(account.id, password, { kind: 'user', id: account.id })
    if (refused === null) await this.#throttle.forget(nameKey(account.name), address)
    return refused
  }

  /** Ends what processes that were killed have left, now and from time to time. */
  start(): Promise<void> {
    return this.#pending.resume(async (id) => {
      const account = await this.find(id)
      await (account === null || account.disabled ? this.#endEverything(id) : this.#endSessions(id, null))
    })
  }

  /** Waits for what goes on after its request has been answered. */
  async flush(): Promise<void> {
    await this.#resetMail?.flush()
  }

  async close(): Promise<void> {
    this.#pending.close()
    await this.flush()
  }

  /** Replaces the claims, here and in all sessions of the user: effective on the next request (LIO-12). */
  async setClaims(
    id: string,
    claims: JsonFields,
    by: Actor = SYSTEM,
  ): Promise<'ok' | 'unknown' | 'too-large'> {
    if (isTooLarge(claims)) return 'too-large'
    if (!(await this.#table.setClaims(id, claims))) return 'unknown'
    await copyClaims(this.#parts.sessions, this.#table, id)
    this.#record('user.claims-changed', by, id)
    return 'ok'
  }

  /** To be called after each login of a user whose session was given `account.claims`: they may have changed meanwhile. */
  refreshClaims(account: Account): Promise<void> {
    return refreshClaims(this.#parts.sessions, this.#table, account.id, account.claims)
  }

  /** Gives or takes the right to administer. */
  async setAdmin(id: string, admin: boolean, by: Actor = SYSTEM): Promise<Outcome> {
    const outcome = await this.#table.setAdmin(id, admin)
    if (outcome !== 'ok') return outcome
    if (!admin) await this.#pending.settle(id, () => this.#parts.adminSessions.revokeUser(id))
    this.#record(admin ? 'user.admin-granted' : 'user.admin-revoked', by, id)
    return outcome
  }

  /** Nobody signs in to it any more; ends everything of the user (LIO-08). */
  async disable(id: string, by: Actor = SYSTEM): Promise<Outcome> {
    const outcome = await this.#table.setDisabled(id, true)
    if (outcome !== 'ok') return outcome
    await this.#endEverything(id)
    this.#record('user.disabled', by, id)
    return outcome
  }

  async enable(id: string, by: Actor = SYSTEM): Promise<Outcome> {
    const outcome = await this.#table.setDisabled(id, false)
    if (outcome === 'ok') this.#record('user.enabled', by, id)
    return outcome
  }

  /**
   * Removes the account and ends everything of the user (LIO-08); the name is free again, the id is not. `forget`: removes what
   * else there is of the user, before the account itself, so that whatever fails can be done once more. Addresses and details
   * leave the audit trail unless the owner keeps them (AUD-06).
   */
  async remove(
    id: string,
    by: Actor = SYSTEM,
    forget: (id: string) => Promise<unknown> = async () => {},
  ): Promise<Outcome> {
    // Disabled first: a login under way finds no account to sign in to, whatever comes after.
    const disabled = await this.#table.setDisabled(id, true)
    if (disabled !== 'ok') return disabled
    await this.#endEverything(id)
    await forget(id)
    const { audit, settings } = this.#parts
    if (settings.auditOfRemoved === 'erase') await audit.erase(id, by)
    const outcome = await this.#table.remove(id)
    if (outcome === 'ok') this.#record('user.removed', by, id)
    return outcome
  }

  #endEverything(id: string): Promise<void> {
    return this.#pending.settle(id, async () => {
      await this.#revoke(id, null)
      await this.#resets.forget(id)
      await this.#parts.apiKeys.revokeOwner(id)
      await this.devices.forget(id)
    })
  }

  #endSessions(id: string, keep: SessionId | null): Promise<void> {
    return this.#pending.settle(id, () => this.#revoke(id, keep))
  }

  /** Refresh tokens hang on the sessions and end with them. Logins that have been begun are refused from now on. */
  async #revoke(id: string, keep: SessionId | null): Promise<void> {
    await this.#parts.sessions.revokeUser(id, keep === null ? {} : { except: keep })
    await this.#parts.adminSessions.revokeUser(id)
  }

  #record(event: string, actor: Actor, userId: string, details: Record<string, boolean> = {}): void {
    this.#parts.audit.record({ event, actor, userId, details })
  }
}

function endpointOf({ settings, sessions }: AccountParts, url: string | null): OwnerEndpoint | null {
  const { environment } = sessions.manager.settings
  return url === null ? null : new OwnerEndpoint({ url, secret: settings.hookSecret, environment })
}

function isTooLarge(claims: JsonFields): boolean {
  return JSON.stringify(claims).length > MAX_CLAIMS
}
