import type { Sessions } from 'coatcheck'
import {
  type CodeExchange,
  createRelyingParty,
  type RelyingParty,
  type TokenAnswer,
} from 'coatcheck/relying-party'
import * as openid from 'openid-client'

/** How the provider knows this application. */
export interface Registration {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Of this application: `https://shop.example`. */
  readonly origin: string
  /** The API that it calls for its users, by the name that the provider knows (RFC 8707). */
  readonly api: string
}

/** The provider: its protocol by `openid-client`, what has to be kept and compared by `coatcheck/relying-party`. */
export interface Provider {
  readonly config: openid.Configuration
  readonly relyingParty: RelyingParty<object>
}

export async function findProvider(
  sessions: Sessions<object>,
  { issuer, clientId, clientSecret, origin, api }: Registration,
): Promise<Provider> {
  const secret = openid.ClientSecretBasic(clientSecret)
  const execute = issuer.startsWith('http:') ? [openid.allowInsecureRequests] : [] // on this machine alone
  const config = await openid.discovery(new URL(issuer), clientId, undefined, secret, { execute })
  const relyingParty = createRelyingParty({
    sessions,
    issuer,
    clientId,
    redirectUri: `${origin}/callback`,
    jwks: config.serverMetadata().jwks_uri ?? '',
    refresh: (refreshToken) => openid.refreshTokenGrant(config, refreshToken, { resource: api }),
  })
  return { config, relyingParty }
}

/** The code for tokens. The library checks what the protocol says; `callback` checks the ID token again, against what it knows. */
export function exchange({ config }: Provider, came: CodeExchange, api: string): Promise<TokenAnswer> {
  const checks = {
    pkceCodeVerifier: came.codeVerifier,
    expectedState: came.state,
    expectedNonce: came.nonce,
  }
  return openid.authorizationCodeGrant(config, came.url, checks, { resource: api })
}
