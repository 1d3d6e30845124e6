import type { Session, Sessions } from 'coatcheck'
import { type BeginOptions, createRelyingParty, type RelyingParty } from 'coatcheck/relying-party'
import { type Request, type RequestHandler, type Response, Router } from 'express'
import * as openid from 'openid-client'
import { queryField } from '../form.ts'
import { onThisMachine } from './addresses.ts'

export interface SignInOptions<D> {
  readonly sessions: Sessions<D>
  /** The issuer: where users sign in. */
  readonly accounts: string
  /** Of this application. */
  readonly origin: string
  readonly client: { readonly id: string; readonly secret: string }
  /** An API that the application asks in its users' names. */
  readonly api?: { readonly resource: string; readonly scope: string }
  /** Once the session is the user's. `name`: what the accounts server calls them. */
  begun(session: Session<D>, user: { readonly id: string; readonly name: string }): void | Promise<void>
}

/** One log-in for several applications, as each of them sees it. Tokens stay on the server: browsers get a session, and nothing else. */
export interface SignIn {
  /** Where the accounts server says that a session there has ended: before the session middleware, for nobody's browser. */
  readonly notices: RequestHandler
  /** `GET /login`, `GET /confirm` for a fresh proof, `GET /callback`. */
  readonly routes: Router
  /** Ends the session here; answers the address that ends the one at the accounts server. */
  logout(request: Request): Promise<string>
  /** For the API; `null`: the user has to sign in again. */
  accessToken(request: Request): Promise<string | null>
  /** Whether an access token that came to this application's API still counts: not once its user has logged out. */
  isActive(accessToken: string): Promise<boolean>
}

export function openSignIn<D>(options: SignInOptions<D>): SignIn {
  const { sessions, accounts, origin, client, api } = options
  const provider = new Provider(accounts, client)
  const party = createRelyingParty<D>({
    ...{ sessions, issuer: accounts, clientId: client.id, redirectUri: `${origin}/callback` },
    jwks: onThisMachine(`${accounts}/oauth/jwks`),
    // There is one provider, and no other accounts: its users are ours.
    userId: ({ subject }) => subject,
    refresh: (token) => provider.refresh(token, api),
  })
  return {
    notices: Router().post('/back-channel-logout', async (request, response) => {
      const { status, headers, body } = await party.receiveLogout({ headers: request.headers, body: request })
      response.status(status).set(headers).send(body)
    }),
    routes: signInRoutes(party, provider, options),
    async logout(request) {
      const session = sessions.of(request)
      const hint = await party.idToken(session)
      await session.logout()
      return provider.logoutAddress(`${origin}/goodbye`, hint)
    },
    async accessToken(request) {
      return (await party.tokens(sessions.of(request)))?.accessToken ?? null
    },
    isActive: (accessToken) => provider.isActive(accessToken),
  }
}

function signInRoutes<D>(party: RelyingParty<D>, provider: Provider, options: SignInOptions<D>): Router {
  const { sessions, api, begun } = options
  const routes = Router()

  const begin = async (request: Request, response: Response, more: BeginOptions) => {
    const { cookie } = request.headers
    const returnTo = queryField(request, 'return')
    const { parameters, setCookies, headers } = await party.begin({ cookie, returnTo, ...more })
    response.set(headers).append('set-cookie', [...setCookies])
    response.redirect(303, await provider.loginAddress({ ...parameters, ...askedFor(api) }))
  }
  routes.get('/login', (request, response) => begin(request, response, {}))
  // Step-up: whoever is signed in there proves it anew.
  routes.get('/confirm', (request, response) => begin(request, response, { maxAge: 0 }))

  routes.get('/callback', async (request, response, next) => {
    const session = sessions.of(request)
    const { cookie } = request.headers
    const came = await party.callback(session, {
      ...{ url: request.originalUrl, cookie },
      exchange: ({ url, state, nonce, codeVerifier }) =>
        provider.exchange(url, { state, nonce, codeVerifier }),
    })
    response.set(came.headers).append('set-cookie', [...came.setCookies])
    if (!came.ok) return next(new SignInError(came.reason))
    const { subject, claims } = came.identity
    await begun(session, { id: subject, name: String(claims.preferred_username ?? 'guest') })
    response.redirect(303, came.location)
  })

  return routes
}

/** Who the user is, and what the application wants to do in their name. The name comes with the ID token, so that nobody has to ask again. */
function askedFor(api: SignInOptions<unknown>['api']): Readonly<Record<string, string>> {
  return {
    scope: ['openid profile', api?.scope].filter(Boolean).join(' '),
    claims: JSON.stringify({ id_token: { preferred_username: null } }),
    ...(api && { resource: api.resource }),
  }
}

/** The visitor has to begin again; why is for the log alone. */
export class SignInError extends Error {
  readonly status = 400

  constructor(reason: string) {
    super(`A sign-in came to nothing: ${reason}.`)
  }
}

/** The protocol, by `openid-client`. */
class Provider {
  readonly #accounts: string
  readonly #client: { readonly id: string; readonly secret: string }
  #discovered: Promise<openid.Configuration> | null = null

  constructor(accounts: string, client: { readonly id: string; readonly secret: string }) {
    this.#accounts = accounts
    this.#client = client
  }

  async loginAddress(parameters: Readonly<Record<string, string>>): Promise<string> {
    return openid.buildAuthorizationUrl(await this.#configuration(), { ...parameters }).href
  }

  async logoutAddress(returnTo: string, hint: string | null): Promise<string> {
    const parameters = { post_logout_redirect_uri: returnTo, ...(hint !== null && { id_token_hint: hint }) }
    return openid.buildEndSessionUrl(await this.#configuration(), parameters).href
  }

  async exchange(
    url: URL,
    { state, nonce, codeVerifier }: Record<'state' | 'nonce' | 'codeVerifier', string>,
  ) {
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: codeVerifier }
    return openid.authorizationCodeGrant(await this.#configuration(), url, checks)
  }

  /** A new access token, for the API again. */
  async refresh(token: string, api: SignInOptions<unknown>['api']) {
    return openid.refreshTokenGrant(await this.#configuration(), token, api && { resource: api.resource })
  }

  /** RFC 7662. */
  async isActive(token: string): Promise<boolean> {
    return (await openid.tokenIntrospection(await this.#configuration(), token)).active
  }

  /** Found when it is first needed, and kept: the accounts server may start later than we do. */
  #configuration(): Promise<openid.Configuration> {
    this.#discovered ??= this.#discover().catch((error: unknown) => {
      this.#discovered = null
      throw error
    })
    return this.#discovered
  }

  #discover(): Promise<openid.Configuration> {
    const { id, secret } = this.#client
    return openid.discovery(new URL(this.#accounts), id, undefined, openid.ClientSecretBasic(secret), {
      // Plain HTTP, which never leaves this machine.
      execute: [openid.allowInsecureRequests],
      [openid.customFetch]: (url, init) => fetch(onThisMachine(url), init as RequestInit),
    })
  }
}
