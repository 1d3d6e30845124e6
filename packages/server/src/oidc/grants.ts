import type { Context, Grant, Provider } from 'oidc-provider'
import type { Settings } from '../config/settings.ts'
import { randomText } from '../system.ts'
import type { AdapterParts } from './adapter.ts'
import type { ClientExtras } from './clients.ts'
import { scopeClaims } from './configuration.ts'
import type { Consents } from './consents.ts'

export interface GrantParts extends Pick<AdapterParts, 'logins' | 'environment' | 'artifacts'> {
  readonly consents: Consents
  readonly settings: Settings
}

/** What a user lets an application have. */
interface Allowed {
  readonly scopes: readonly string[]
  readonly resources: Readonly<Record<string, readonly string[]>>
}

/**
 * The grant of an authorization request: one per application and login session, so that ending one session leaves the user's
 * others alone. What it allows is what the user has consented to, which is remembered apart from it.
 */
export async function loadGrant(
  provider: Provider,
  parts: GrantParts,
  context: Context,
): Promise<Grant | undefined> {
  const { client, session, account } = context.oidc
  if (!client || !account) return undefined
  const allowed = await allowedTo(parts, context, client.coatcheck as ClientExtras)
  if (!allowed) return undefined
  const known = session.grantIdFor(client.clientId) ?? null
  const grant =
    (known === null ? undefined : await provider.Grant.find(known)) ?? (await make(provider, parts, context))
  // Withdrawn consent must not live on in what the grant was made with.
  grant.openid = {}
  grant.resources = {}
  grant.addOIDCScope(allowed.scopes.join(' '))
  for (const [resource, scopes] of Object.entries(allowed.resources)) {
    grant.addResourceScope(resource, scopes.join(' '))
  }
  answerClaims(grant, context, allowedClaims(parts, allowed.scopes))
  await grant.save()
  return grant
}

function allowedClaims({ settings }: GrantParts, scopes: readonly string[]): readonly string[] {
  const known = scopeClaims(settings)
  return scopes.flatMap((scope) => known[scope] ?? [])
}

/** Claims that are asked for by name come with a scope that is allowed, or not at all: nobody is asked for them. */
function answerClaims(grant: Grant, { oidc }: Context, allowed: readonly string[]): void {
  const asked = [...oidc.requestParamClaims]
  grant.rejected = {}
  grant.addOIDCClaims(asked.filter((claim) => allowed.includes(claim)))
  grant.rejectOIDCClaims(asked.filter((claim) => !allowed.includes(claim)))
}

async function allowedTo(
  { consents }: GrantParts,
  { oidc }: Context,
  { trusted, resources }: ClientExtras,
): Promise<Allowed | null> {
  const { client, account } = oidc
  if (!client || !account) return null
  if (!trusted) return consents.find(account.accountId, client.clientId)
  return { scopes: [...oidc.requestParamOIDCScopes], resources }
}

/** Of two requests of one browser at once both get the same grant, else the tokens of one would be worth nothing. */
async function make(provider: Provider, parts: GrantParts, context: Context): Promise<Grant> {
  const { client, session, account } = context.oidc
  const clientId = client?.clientId ?? ''
  const accountId = account?.accountId ?? ''
  const fresh = randomText(parts.environment, 32)
  const id = await parts.logins.grantOf(session.uid, clientId, fresh, session.grantIdFor(clientId) ?? null)
  const made = id === fresh ? undefined : await provider.Grant.find(id)
  if (made) return made
  context.state.newGrant = id
  return new provider.Grant({ jti: id, accountId, clientId })
}
