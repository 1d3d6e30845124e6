import type { JsonFields } from 'coatcheck'
import { type Adapter, type Client, type Context, errors, interactionPolicy, type Token } from 'oidc-provider'
import { isReached, LEVELS } from '../accounts/levels.ts'
import type { Settings } from '../config/settings.ts'
import { type ClientExtras, isPageOf } from './clients.ts'
import type { Subject } from './parts.ts'

/** Lives in seconds. */
export const LIVES = {
  accessToken: 300,
  code: 60,
  idToken: 300,
  interaction: 900,
  /** Of a refresh token: without use, and in all. */
  refreshIdle: 14 * 86_400,
  refreshAbsolute: 30 * 86_400,
} as const

/** What pages the protocol library shows, and how. */
export interface Pages {
  readonly logout: (context: Context, form: string) => Promise<void>
  readonly loggedOut: (context: Context) => Promise<void>
  readonly error: (context: Context, shown: Readonly<Record<string, unknown>>) => Promise<void>
}

export interface ConfigurationParts {
  readonly settings: Settings
  readonly now: () => number
  readonly adapter: (model: string) => Adapter
  readonly jwks: readonly JsonFields[]
  readonly algorithm: string
  readonly cookieSecrets: readonly string[]
  readonly subject: (id: string, token: Token | undefined) => Promise<Subject | null>
  readonly pages: Pages
  /** What a signed access token says of where it comes from. */
  readonly originOf: (token: Token) => Readonly<Record<string, unknown>>
}

/** Everything that `oidc-provider` is told. What it is not told stays off. */
export function configuration(parts: ConfigurationParts): object {
  const { settings, algorithm } = parts
  return {
    adapter: parts.adapter,
    jwks: { keys: parts.jwks },
    acrValues: LEVELS,
    claims: { ...scopeClaims(settings), iss: null, sid: null },
    clientDefaults: { id_token_signed_response_alg: algorithm, grant_types: ['authorization_code'] },
    clientBasedCORS: (_context: Context, origin: string, client: Client) => isPageOf(client, origin),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    clockTolerance: 5,
    cookies: {
      names: { session: 'oauth-session', interaction: 'oauth-interaction', resume: 'oauth-resume' },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
      long: { httpOnly: true, sameSite: 'lax', signed: false },
      keys: parts.cookieSecrets,
    },
    enabledJWA: algorithms(algorithm),
    extraClientMetadata: { properties: ['coatcheck'] },
    extraTokenClaims: authenticationClaims,
    features: features(parts),
    findAccount: async (_context: Context, id: string, token: Token | undefined) => {
      const subject = await parts.subject(id, token)
      return subject ? { accountId: id, claims: async () => claimsOf(subject) } : undefined
    },
    expiresWithSession: async (_context: Context, source: Token) => !source.scopes.has('offline_access'),
    interactions: {
      policy: policy(),
      url: (_context: Context, { uid }: { uid: string }) => `/oauth/interaction/${uid}`,
    },
    issueRefreshToken: async (_context: Context, client: Client) => client.grantTypeAllowed('refresh_token'),
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: () => true },
    renderError: parts.pages.error,
    responseTypes: ['code'],
    rotateRefreshToken: () => true,
    routes: {
      authorization: '/oauth/authorize',
      end_session: '/oauth/logout',
      introspection: '/oauth/introspect',
      jwks: '/oauth/jwks',
      pushed_authorization_request: '/oauth/par',
      revocation: '/oauth/revoke',
      token: '/oauth/token',
      userinfo: '/oauth/userinfo',
    },
    scopes: ['openid', 'offline_access'],
    ttl: lives(parts.now),
    formats: {
      customizers: {
        jwt: (_context: Context, token: Token, jwt: SignedToken) => finishJwt(parts, token, jwt),
      },
    },
  }
}

/** What each scope tells of the user. */
export function scopeClaims({ claims }: Settings): Readonly<Record<string, readonly string[]>> {
  return {
    openid: ['sub', 'acr', 'amr', 'auth_time'],
    profile: [...new Set(['name', 'preferred_username', ...claims])],
    email: ['email'],
  }
}

function features({ pages, algorithm, subject }: ConfigurationParts): object {
  return {
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true },
    introspection: {
      enabled: true,
      // A client that authenticates, of its own tokens, as long as their user may do anything (OA-14).
      allowedPolicy: async (_context: Context, client: Client, token: Token) =>
        client.clientAuthMethod !== 'none' &&
        token.clientId === client.clientId &&
        (token.accountId === undefined || (await subject(token.accountId, token)) !== null),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => undefined,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_context: Context, resource: string, client: Client) =>
        resourceServer(resource, client, algorithm),
    },
    revocation: {
      enabled: true,
      allowedPolicy: async (_context: Context, client: Client, token: Token) =>
        token.clientId === client.clientId,
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: pages.logout,
      postLogoutSuccessSource: pages.loggedOut,
    },
  }
}

/** Only APIs that the client is registered for. */
function resourceServer(resource: string, client: Client, algorithm: string): object {
  const scopes = (client.coatcheck as ClientExtras).resources[resource]
  if (!scopes) throw new errors.InvalidTarget('the client is not registered for this resource')
  return {
    scope: scopes.join(' '),
    audience: resource,
    accessTokenFormat: 'jwt',
    accessTokenTTL: LIVES.accessToken,
    jwt: { sign: { alg: algorithm } },
  }
}

/** STEP-02: when and how the user proved who they are; a refresh changes neither. */
async function authenticationClaims(context: Context | undefined, token: Token): Promise<object | undefined> {
  if (token.kind !== 'AccessToken') return undefined
  const { AuthorizationCode, RefreshToken } = context?.oidc.entities ?? {}
  const source = AuthorizationCode ?? RefreshToken
  if (!source) return undefined
  return {
    ...(source.authTime !== undefined && { auth_time: source.authTime }),
    ...(source.acr !== undefined && { acr: source.acr }),
  }
}

interface SignedToken {
  readonly payload: Record<string, unknown>
}

/** OA-12: a client is no user, whatever its id is. */
function finishJwt({ originOf }: ConfigurationParts, token: Token, { payload }: SignedToken): void {
  if (token.kind === 'ClientCredentials') payload.sub = `client:${token.clientId}`
  else Object.assign(payload, originOf(token))
}

function claimsOf({ id, name, email, claims }: Subject): Record<string, unknown> {
  return {
    ...claims,
    sub: id,
    name: claims.name ?? name,
    preferred_username: name,
    ...(email !== null && { email }),
  }
}

function lives(now: () => number): object {
  return {
    AccessToken: LIVES.accessToken,
    AuthorizationCode: LIVES.code,
    ClientCredentials: LIVES.accessToken,
    Grant: LIVES.refreshAbsolute * 3,
    IdToken: LIVES.idToken,
    Interaction: LIVES.interaction,
    // RT-03: the absolute end is counted from the first token of the family.
    RefreshToken: (_context: Context, token: Token) => {
      const seconds = Math.floor(now() / 1_000)
      const left = (token.iiat ?? seconds) + LIVES.refreshAbsolute - seconds
      return Math.max(1, Math.min(LIVES.refreshIdle, left))
    },
    Session: LIVES.refreshAbsolute,
  }
}

function algorithms(own: string): object {
  const asymmetric = ['ES256', 'PS256', 'Ed25519', 'EdDSA']
  return {
    idTokenSigningAlgValues: [own],
    userinfoSigningAlgValues: [own],
    introspectionSigningAlgValues: [own],
    authorizationSigningAlgValues: [own],
    requestObjectSigningAlgValues: asymmetric,
    clientAuthSigningAlgValues: asymmetric,
    dPoPSigningAlgValues: ['ES256', 'Ed25519', 'EdDSA'],
  }
}

/** The library's, and: a level that is asked for is reached, or the request fails (STEP-02). */
function policy(): object {
  const base = interactionPolicy.base()
  const { Check } = interactionPolicy
  base.get('login').checks.add(
    new Check(
      'acr',
      'the requested authentication level is not reached',
      'unmet_authentication_requirements',
      ({ oidc }) => {
        const asked = oidc.params?.acr_values
        return asked !== undefined && !isReached(asked.split(' '), oidc.session.acr)
      },
    ),
  )
  return base
}
