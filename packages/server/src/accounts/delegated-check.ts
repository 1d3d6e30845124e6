import type { JsonFields } from 'coatcheck'
import { z } from 'zod'
import { SERVICE_OWNER } from '../api/scopes.ts'
import { type AccountRow, toAccount } from './account.ts'
import type { AccountTable } from './account-table.ts'
import { EndpointError, type OwnerEndpoint } from './owner-endpoint.ts'
import { type Credentials, INVALID, type LoginSessions, NOBODY, type Verdict } from './verdict.ts'

/** What the owner's endpoint answers for a right name and password. */
const ANSWER = z.object({
  userId: z
    .string()
    .min(1)
    .max(256)
    .refine((id) => !/[\p{C}]/u.test(id) && !id.startsWith(SERVICE_OWNER) && id !== NOBODY),
  claims: z.record(z.string(), z.json()).optional(),
  methods: z
    .array(z.string().regex(/^[\w.-]{1,32}$/))
    .max(8)
    .optional(),
})

/** Longest claims as JSON, as for accounts that are kept here. */
const MAX_CLAIMS = 8_192

/** Asks the owner's endpoint instead of keeping passwords; accounts here are only mirrors of what it says. */
export class DelegatedCheck {
  readonly #table: AccountTable
  readonly #endpoint: OwnerEndpoint
  readonly #claimsChanged: (userId: string) => Promise<void>

  /** `claimsChanged` is told of users about whom the endpoint says something else than the last time. */
  constructor(
    table: AccountTable,
    endpoint: OwnerEndpoint,
    claimsChanged: (userId: string) => Promise<void>,
  ) {
    this.#table = table
    this.#endpoint = endpoint
    this.#claimsChanged = claimsChanged
  }

  async check(known: AccountRow | null, credentials: Credentials, sessions: LoginSessions): Promise<Verdict> {
    const { name, password, kind = 'user' } = credentials
    const attempt = await sessions.beginLogin(known?.id ?? NOBODY)
    const answer = await this.#ask(name, password)
    if (answer === null) return INVALID
    const before = await this.#table.byId(answer.userId)
    const row = await this.#table.mirror(answer.userId, name, answer.claims as JsonFields)
    if (before !== null && before.claims !== row.claims) await this.#claimsChanged(row.id)
    if (kind === 'admin' && row.admin !== 1) return INVALID
    if (row.disabled === 1) return { ok: false, reason: 'disabled' }
    return {
      ok: true,
      account: toAccount(row),
      // Nobody has signed in under this name before: there is no password that could have been changed meanwhile.
      attempt: known?.id === row.id ? attempt : await sessions.beginLogin(row.id),
      methods: answer.methods,
    }
  }

  async #ask(name: string, password: string) {
    const { status, body } = await this.#endpoint.post({ name, password })
    if (status === 401) return null
    if (status !== 200) throw new EndpointError(`The endpoint answered with status ${status}.`)
    const answer = ANSWER.safeParse(body)
    if (!answer.success) throw new EndpointError('The endpoint answered with something else than agreed.')
    const { userId, claims = {}, methods = ['pwd'] } = answer.data
    if (JSON.stringify(claims).length > MAX_CLAIMS) throw new EndpointError('The claims are too large.')
    return { userId, claims, methods }
  }
}
