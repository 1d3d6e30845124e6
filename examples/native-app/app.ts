import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as openid from 'openid-client'

/** What the app knows of the server, and of the API that it is for. */
export interface Terms {
  readonly issuer: string
  readonly clientId: string
  /** The API by the name that the server knows (RFC 8707), and what the app wants there. */
  readonly api: string
  readonly scope: string
}

/** What belongs into the keychain of the system: the refresh token is worth nothing without the key. */
export interface Kept {
  readonly refreshToken: string
  readonly keys: openid.CryptoKeyPair
}

export interface SignedIn {
  /** A request to the API, with a proof of the key. */
  fetch(url: URL, method?: string): Promise<Response>
  /** To be stored again whenever it has changed, before the old one is thrown away. */
  kept(): Kept
  /** Ends what the app was given; the browser stays signed in at the server. */
  signOut(): Promise<void>
}

/** The server's addresses and rules. The app is a public client: a secret in its code would be none. */
export function findServer({ issuer, clientId }: Terms): Promise<openid.Configuration> {
  const execute = issuer.startsWith('http:') ? [openid.allowInsecureRequests] : [] // on this machine alone
  return openid.discovery(new URL(issuer), clientId, undefined, openid.None(), { execute })
}

/**
 * Signs in by the system's browser, never by a page inside the app (RFC 8252): there the user sees whose page it is, and is perhaps signed
 * in already. The answer comes to a port of this machine; on a phone it is a claimed https address or `com.example.app:/callback`.
 */
export async function signIn(
  config: openid.Configuration,
  terms: Terms,
  openBrowser: (url: URL) => unknown,
): Promise<SignedIn> {
  const keys = await openid.randomDPoPKeyPair('ES256') // not extractable, as a key of the system's key store
  const DPoP = openid.getDPoPHandle(config, keys)
  const checks = {
    pkceCodeVerifier: openid.randomPKCECodeVerifier(),
    expectedState: openid.randomState(),
    expectedNonce: openid.randomNonce(),
  }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`
  openBrowser(
    openid.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: `openid offline_access ${terms.scope}`,
      prompt: 'consent', // which `offline_access` demands
      resource: terms.api,
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
      dpop_jkt: await DPoP.calculateThumbprint(), // the code is worth nothing without the key, either
    }),
  )
  const answer = await cameBack(server, redirectUri, checks.expectedState)
  server.close()
  const tokens = await openid.authorizationCodeGrant(
    config,
    answer,
    checks,
    { resource: terms.api },
    { DPoP },
  )
  return goOn(config, terms, tokens, keys)
}

/** After a restart: with what the keychain has. */
export async function resume(config: openid.Configuration, terms: Terms, kept: Kept): Promise<SignedIn> {
  const DPoP = openid.getDPoPHandle(config, kept.keys)
  const tokens = await openid.refreshTokenGrant(config, kept.refreshToken, { resource: terms.api }, { DPoP })
  return goOn(config, terms, tokens, kept.keys)
}

/** What anybody on this machine sends to the port is no answer unless it has the state. */
async function cameBack(
  server: ReturnType<typeof createServer>,
  redirectUri: string,
  state: string,
): Promise<URL> {
  for (;;) {
    const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
    const url = new URL(request.url ?? '/', redirectUri)
    const isAnswer = url.pathname === '/callback' && url.searchParams.get('state') === state
    response.writeHead(isAnswer ? 200 : 404, { 'content-type': 'text/plain', connection: 'close' })
    response.end(isAnswer ? 'You can close this window and go back to the app.' : 'Not here.')
    if (isAnswer) return url
  }
}

function goOn(
  config: openid.Configuration,
  terms: Terms,
  first: openid.TokenEndpointResponse & openid.TokenEndpointResponseHelpers,
  keys: openid.CryptoKeyPair,
): SignedIn {
  const DPoP = openid.getDPoPHandle(config, keys)
  let tokens = first
  let lapses = Date.now() + (tokens.expiresIn() ?? 0) * 1_000
  let renewing: Promise<void> | null = null

  async function renew(): Promise<void> {
    const kept = tokens.refresh_token ?? ''
    const next = await openid.refreshTokenGrant(config, kept, { resource: terms.api }, { DPoP })
    tokens = { ...next, refresh_token: next.refresh_token ?? kept } as typeof next
    lapses = Date.now() + (next.expiresIn() ?? 0) * 1_000
  }

  return {
    async fetch(url, method = 'GET') {
      if (Date.now() > lapses - 30_000) {
        renewing ??= renew().finally(() => {
          renewing = null
        })
        await renewing
      }
      return openid.fetchProtectedResource(config, tokens.access_token, url, method, null, undefined, {
        DPoP,
      })
    },
    kept: () => ({ refreshToken: tokens.refresh_token ?? '', keys }),
    signOut: () => openid.tokenRevocation(config, tokens.refresh_token ?? ''),
  }
}
