import type { Environment } from 'coatcheck'
import { type AccessTokenClaims, createAccessTokenVerifier, type SigningKeyRing } from 'coatcheck/tokens'
import type { Client, Context } from 'oidc-provider'
import type { ArtifactKeys } from './artifact-keys.ts'
import type { Artifacts } from './artifacts.ts'
import type { ClientExtras } from './clients.ts'
import type { LoginSessions } from './login-sessions.ts'
import type { Subject } from './parts.ts'

/** What a signed access token of ours says beside RFC 9068. */
interface SignedClaims extends AccessTokenClaims {
  /** Names the grant, and is no way to it. */
  readonly grant_id?: string
}

export interface IntrospectionParts {
  readonly issuer: string
  readonly environment: Environment
  readonly signingKeys: SigningKeyRing
  readonly keys: ArtifactKeys
  readonly artifacts: Artifacts
  readonly logins: LoginSessions
  /** Whether the client is (still) there. */
  readonly isClient: (id: string) => Promise<boolean>
  readonly subject: (id: string, token: SignedSource) => Promise<Subject | null>
}

/** What decides whether a token outlives its session and a new password. */
export interface SignedSource {
  readonly expiresWithSession: boolean
  readonly authTime?: number
}

/**
 * The protocol library refuses to introspect tokens that are signed. Here they are looked up by the application that has them and by the
 * API that they are for, so that an API can learn of a logout before a token runs out; to everybody else they are unknown (OA-14).
 */
export function introspectSigned(parts: IntrospectionParts) {
  return async (context: Context, next: () => Promise<void>): Promise<void> => {
    await next()
    const { error } = Object(context.body) as { readonly error?: string }
    if (context.oidc?.route !== 'introspection' || error !== 'unsupported_token_type') return
    const { client, params } = context.oidc
    const claims = client ? await readable(parts, client, params?.token ?? '') : null
    context.status = 200
    context.body = claims && (await isGood(parts, claims)) ? answerOf(claims) : { active: false }
  }
}

/** Its claims, where the client may know of it. */
async function readable(
  { issuer, environment, signingKeys }: IntrospectionParts,
  client: Client,
  token: string,
): Promise<SignedClaims | null> {
  const { resources, serves } = client.coatcheck as ClientExtras
  const audience = [...serves, ...Object.keys(resources)]
  if (client.clientAuthMethod === 'none' || audience.length === 0) return null
  const verifier = createAccessTokenVerifier({
    ...{ issuer, environment, audience, jwks: signingKeys, cacheSize: 0, clockTolerance: 0 },
  })
  // The API that asks checks the proof of possession, which is made for it.
  const verified = await verifier.verify(token, { checksProof: true })
  if (!verified.ok) return null
  const { claims } = verified
  const isServed = [claims.aud].flat().some((one) => serves.includes(one))
  return claims.client_id === client.clientId || isServed ? claims : null
}

async function isGood({ isClient, ...parts }: IntrospectionParts, claims: SignedClaims): Promise<boolean> {
  if (!(await isClient(claims.client_id))) return false
  if (claims.grant_id === undefined) return claims.sub === `client:${claims.client_id}`
  const { artifacts, logins, subject } = parts
  const grant = (await artifacts.findByHash('Grant', claims.grant_id))?.payload
  if (grant?.clientId !== claims.client_id || grant.accountId !== claims.sub) return false
  const { auth_time: authTime } = claims
  const expiresWithSession = claims.sid !== undefined
  if (expiresWithSession && !(await logins.findByGrant(String(grant.jti)))) return false
  return (
    (await subject(claims.sub, { expiresWithSession, ...(authTime !== undefined && { authTime }) })) !== null
  )
}

function answerOf({ grant_id: _grant, ...claims }: SignedClaims): object {
  const isBound = claims.cnf !== undefined
  return { active: true, ...claims, token_type: isBound ? 'DPoP' : 'Bearer' }
}
