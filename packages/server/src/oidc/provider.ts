import type { IncomingMessage } from 'node:http'
import type { JsonFields, Session } from 'coatcheck'
import type { SigningKeyRing } from 'coatcheck/tokens'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import {
  type Client,
  type Context,
  type Cookies,
  Provider,
  type ProviderSession,
  type Token,
} from 'oidc-provider'
import { type AdapterParts, adapterFor } from './adapter.ts'
import type { ClientExtras } from './clients.ts'
import { type ConfigurationParts, configuration } from './configuration.ts'
import { type GrantParts, loadGrant } from './grants.ts'

export interface ProviderParts
  extends AdapterParts,
    GrantParts,
    Omit<ConfigurationParts, 'adapter' | 'now' | 'cookieSecrets' | 'originOf'> {
  readonly signingKeys: SigningKeyRing
  /** Our session of a request. */
  readonly sessionOf: (request: IncomingMessage) => Session<JsonFields> | null
}

/**
 * The protocol library on our sessions and tables. Where it leaves a race open, or brings a session of its own, its models are
 * given other methods here; `docs/decisions/020` says why for each.
 */
export function createProvider(parts: ProviderParts): Provider {
  const { settings, environment, keys } = parts
  const provider: Provider = new Provider(settings.publicUrl.origin, {
    ...configuration({
      ...parts,
      adapter: adapterFor(parts),
      now: () => environment.now(),
      cookieSecrets: keys.cookieSecrets,
      originOf: (token) => originOf(parts, token),
    }),
    loadExistingGrant: (context: Context) => loadGrant(provider, parts, context),
  })
  // The library makes addresses of these: they are the public ones, whatever a client or proxy sends.
  const { host, protocol } = settings.publicUrl
  Object.defineProperty(provider.request, 'host', { get: () => host })
  Object.defineProperty(provider.request, 'protocol', { get: () => protocol.slice(0, -1) })
  useOurSession(provider, parts)
  deriveSuccessors(provider)
  compareHashes(provider, parts)
  provider.IdToken.validate = (jwt, client) => validHint(parts, jwt, client)
  provider.ReplayDetection.unique = (issuer, jti, expiresAt) => {
    const seconds = Math.max(1, expiresAt - Math.floor(environment.now() / 1_000))
    return parts.artifacts.insert('ReplayDetection', `${issuer} ${jti}`, {}, seconds)
  }
  return provider
}

/** The library reads our session's id where it looks for its own cookie, and never sets that. */
function useOurSession(provider: Provider, { sessionOf, logins }: ProviderParts): void {
  const create = provider.createContext.bind(provider)
  provider.createContext = (request, response) => {
    const context = create(request, response)
    context.cookies = withoutSession(context.cookies, () => {
      const session = sessionOf(request)
      return session?.userId ? (session.id ?? undefined) : undefined
    })
    return context
  }
  const { prototype } = provider.Session
  // Rotation and step-up are our session's: its view stays the same.
  prototype.resetIdentifier = () => {}
  prototype.ensureClientContainer = function ensureSid(this: ProviderSession, clientId: string) {
    if (!this.sidFor(clientId)) this.sidFor(clientId, logins.sid(this.uid, clientId))
  }
  prototype.persist = async () => {}
  provider.Client.prototype.includeSid = () => true
}

function withoutSession(cookies: Cookies, sessionId: () => string | undefined): Cookies {
  return {
    get: (name, options) => (name === 'oauth-session' ? sessionId() : cookies.get(name, options)),
    set: (name, value, options) => (name === 'oauth-session' ? undefined : cookies.set(name, value, options)),
    get secure() {
      return cookies.secure ?? false
    },
    set secure(value: boolean) {
      cookies.secure = value
    },
  }
}

/** See `RefreshTokenAdapter`. */
function deriveSuccessors(provider: Provider): void {
  const { prototype } = provider.RefreshToken
  const generate = prototype.generateTokenId as () => string
  prototype.generateTokenId = function successorOr(this: object) {
    const context = Provider.ctx
    if (!context?.oidc.entities.RotatedRefreshToken) return generate.call(this)
    const { successor } = context.state
    if (typeof successor !== 'string') throw new TypeError('A refresh token without a successor was rotated.')
    return successor
  }
}

/** The grant, by which a token can be asked about as long as it lives, and the login session, unless the token may outlive it. */
function originOf({ keys, logins }: ProviderParts, token: Token): Readonly<Record<string, unknown>> {
  const { grantId, sessionUid, clientId = '', expiresWithSession } = token
  return {
    ...(grantId !== undefined && { grant_id: keys.hash('Grant', grantId) }),
    ...(sessionUid !== undefined && expiresWithSession && { sid: logins.sid(sessionUid, clientId) }),
  }
}

/** An ID token that was issued to the client, however old, and by whichever of our keys that are still published. */
async function validHint(
  { signingKeys, settings }: ProviderParts,
  jwt: string,
  client: Client,
): Promise<object> {
  const keys = createLocalJWKSet((await signingKeys.jwks()) as unknown as JSONWebKeySet)
  const { payload, protectedHeader } = await compactVerify(jwt, keys)
  const claims = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>
  const { typ = 'JWT' } = protectedHeader
  const isOurs = typ === 'JWT' && claims.iss === settings.publicUrl.origin && claims.aud === client.clientId
  if (!isOurs || typeof claims.sub !== 'string') throw new TypeError('This is no ID token of the client.')
  return { payload: claims, header: protectedHeader }
}

function compareHashes(provider: Provider, { clients }: ProviderParts): void {
  provider.Client.prototype.compareClientSecret = function compare(this: Client, secret: string) {
    return clients.isSecret(this.clientId, this.coatcheck as ClientExtras, secret)
  }
}
