import type { Logger } from 'pino'
import type { AuditTrail } from '../audit/audit-trail.ts'
import { toAccount } from './account.ts'
import type { AccountTable } from './account-table.ts'
import { toName } from './names.ts'
import { EndpointError, type OwnerEndpoint } from './owner-endpoint.ts'
import type { PasswordResets } from './password-resets.ts'

interface ResetMailParts {
  readonly table: AccountTable
  readonly resets: PasswordResets
  readonly endpoint: OwnerEndpoint
  readonly audit: Pick<AuditTrail, 'record'>
  readonly log: Pick<Logger, 'error'>
}

/** Has the owner's endpoint send links to choose a new password, after the request for one has been answered. */
export class ResetMail {
  readonly #parts: ResetMailParts
  readonly #underWay = new Set<Promise<void>>()

  constructor(parts: ResetMailParts) {
    this.#parts = parts
  }

  send(given: string, toLink: (token: string) => string): void {
    const work = this.#send(given, toLink).catch((error) => {
      this.#parts.log.error({ err: error }, 'a password reset was not sent')
    })
    this.#underWay.add(work)
    void work.finally(() => this.#underWay.delete(work))
  }

  async flush(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  async #send(given: string, toLink: (token: string) => string): Promise<void> {
    const { table, resets, endpoint, audit } = this.#parts
    const name = toName(given)
    const row = name === null ? null : await table.byName(name)
    if (row === null || row.disabled === 1) return
    const account = toAccount(row)
    // Who signs in elsewhere chooses a first password after having done so, not by a mailbox.
    if (account.passwordChangedAt === null && (await table.hasIdentity(account.id))) return
    const issued = await resets.issue(account.id)
    if (issued === null) return
    audit.record({
      event: 'user.reset-requested',
      actor: { kind: 'system', id: null },
      userId: account.id,
    })
    const { expiresAt, token } = issued
    const { email } = account
    const { status } = await endpoint.post({ name: account.name, email, link: toLink(token), expiresAt })
    if (status < 200 || status > 299) throw new EndpointError(`The endpoint answered with status ${status}.`)
  }
}
