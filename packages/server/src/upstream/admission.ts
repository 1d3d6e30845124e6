import type { Environment, JsonFields, LoginAttempt, Sessions } from 'coatcheck'
import type { Identity as ProvenIdentity } from 'coatcheck/relying-party'
import type { Account, Accounts } from '../accounts/accounts.ts'
import { toName } from '../accounts/names.ts'
import { DatabaseError } from '../storage/database.ts'
import { randomText } from '../system.ts'
import type { Identities } from './identities.ts'
import type { UpstreamProvider } from './providers.ts'

export interface AdmissionParts {
  readonly accounts: Accounts
  readonly identities: Identities
  readonly sessions: Sessions<JsonFields>
  readonly environment: Environment
  /** Whether whoever is not known yet gets an account. */
  readonly signUp: boolean
}

export interface Arrival {
  readonly provider: UpstreamProvider
  readonly identity: ProvenIdentity
  /** What the provider says of the user: asked for once, and only where an account is to be made. */
  readonly profile: () => Promise<JsonFields>
}

export type Admission =
  | { readonly account: Account; readonly attempt: LoginAttempt }
  /** `unknown`: nobody of ours, and accounts are not made. */
  | 'unknown'
  | 'disabled'

/** Somebody may have unlinked or linked the identity, or removed the account, meanwhile. */
const ATTEMPTS = 4

/** Longest subject (OpenID Connect Core, section 2). */
const LONGEST_SUBJECT = 255

/** The account that an identity lets in to: the one that it is linked to, or a new one. Never one that has the same name or address (SSO-02). */
export async function admit(parts: AdmissionParts, arrival: Arrival): Promise<Admission> {
  const { accounts, identities, sessions, signUp } = parts
  const { identity } = arrival
  if (identity.subject.length > LONGEST_SUBJECT) return 'unknown'
  for (let attempts = 0; attempts < ATTEMPTS; attempts++) {
    const known = await identities.find(identity)
    if (known === null && !signUp) return 'unknown'
    const id = known ?? (await create(parts, arrival))
    if (id === null) continue
    // Begun before anything is read: whoever is disabled, removed or unlinked from here on is let in no more.
    const attempt = await sessions.beginLogin(id)
    const account = await accounts.find(id)
    if (account === null || (await identities.find(identity)) !== id) continue
    return account.disabled ? 'disabled' : { account, attempt }
  }
  return 'unknown'
}

/** What somebody knows an identity by. */
export function labelOf({ subject, claims }: Pick<ProvenIdentity, 'subject' | 'claims'>): string {
  const said = [claims.email, claims.preferred_username, claims.name, subject]
  for (const one of said) {
    const label = typeof one === 'string' ? toName(one) : null
    if (label !== null) return label
  }
  return '?'
}

/** `null`: another request has been quicker. */
async function create(
  { accounts, environment }: AdmissionParts,
  { provider, identity, profile }: Arrival,
): Promise<string | null> {
  const said = await profile()
  const claims = takenOver(said)
  const label = labelOf({ subject: identity.subject, claims: said })
  const { issuer, subject } = identity
  for (const name of namesFor(said, provider, environment)) {
    try {
      const asked = { name, password: null, claims, identity: { issuer, subject, label } }
      const created = await accounts.create(asked, { kind: 'user', id: null })
      if (created.ok) return created.account.id
    } catch (error) {
      if (error instanceof DatabaseError && error.conflict) return null
      throw error
    }
  }
  return null
}

/** An address only where the provider has made sure of it: applications may go by it. */
function takenOver({ name, email, email_verified: verified }: JsonFields): JsonFields {
  return {
    ...(typeof name === 'string' && toName(name) !== null && { name }),
    ...(typeof email === 'string' && verified === true && toName(email) !== null && { email }),
  }
}

/** Names for a new account, best first; the last one is nobody's. What looks like an address must be one that is proven. */
function* namesFor(
  said: JsonFields,
  provider: UpstreamProvider,
  environment: Environment,
): Generator<string> {
  const { email } = takenOver(said)
  const called = [said.preferred_username, said.name].filter(
    (one) => typeof one === 'string' && !one.includes('@'),
  )
  const good = [email, ...called].filter((one) => typeof one === 'string' && toName(one) !== null) as string[]
  yield* good
  const base = (good[0] ?? 'User').slice(0, 40)
  yield `${base} (${provider.name.slice(0, 40)})`
  yield `${base} (${provider.name.slice(0, 40)}, ${randomText(environment, 6)})`
}
