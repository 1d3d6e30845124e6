import type { Sessions } from 'coatcheck'
import { requireUser, sessionErrors, sessionMiddleware } from 'coatcheck/express'
import type { ProviderTokens } from 'coatcheck/relying-party'
import express, { type Express, type Response } from 'express'
import * as openid from 'openid-client'
import { exchange, type Provider } from './provider.ts'

export interface Addresses {
  /** Of this application. */
  readonly origin: string
  /** The API's name at the provider, and where it is. */
  readonly api: string
  readonly apiUrl: string
}

/** An application whose users sign in at a provider. The browser has a session cookie of this application, and no token of any kind. */
export function createApp(
  sessions: Sessions<object>,
  provider: Provider,
  { origin, api, apiUrl }: Addresses,
): Express {
  const { config, relyingParty } = provider
  const app = express()

  // From the provider itself: no browser, no cookie, no session.
  app.post('/back-channel-logout', async (request, response) => {
    const { status, headers, body } = await relyingParty.receiveLogout({
      headers: request.headers,
      body: request,
    })
    response.status(status).set(headers).send(body)
  })

  app.use(sessionMiddleware(sessions))

  app.get('/', (request, response) => {
    response.send(sessions.of(request).userId === null ? SIGNED_OUT : SIGNED_IN)
  })

  app.get('/login', async (request, response) => {
    const { cookie } = request.headers
    const { return: returnTo } = request.query
    const begun = await relyingParty.begin({ cookie, ...(typeof returnTo === 'string' && { returnTo }) })
    const parameters = { ...begun.parameters, scope: 'openid orders:read', resource: api }
    sendOn(response, openid.buildAuthorizationUrl(config, parameters).href, begun)
  })

  app.get('/callback', async (request, response) => {
    const signIn = await relyingParty.callback(sessions.of(request), {
      url: request.originalUrl,
      cookie: request.headers.cookie,
      exchange: (came) => exchange(provider, came, api),
    })
    if (signIn.ok) return sendOn(response, signIn.location, signIn)
    response.set(signIn.headers).append('Set-Cookie', [...signIn.setCookies])
    response.status(400).send('<p>That did not work. <a href="/login">Try again</a></p>')
  })

  app.post('/logout', async (request, response) => {
    const session = sessions.of(request)
    const hint = await relyingParty.idToken(session)
    await session.logout() // here at once; the provider tells the other applications
    const parameters = { post_logout_redirect_uri: `${origin}/`, ...(hint && { id_token_hint: hint }) }
    response.redirect(303, openid.buildEndSessionUrl(config, parameters).href)
  })

  app.get('/api/orders', requireUser(sessions), async (request, response) => {
    await passOn(response, apiUrl, await relyingParty.tokens(sessions.of(request)))
  })

  app.use(sessionErrors(sessions))
  return app
}

/** Asks the API in the user's name, and hands on what it says; the token stays here. */
async function passOn(response: Response, apiUrl: string, tokens: ProviderTokens | null): Promise<void> {
  if (tokens === null) return void response.status(401).json({ error: 'sign in again' })
  const answer = await fetch(apiUrl, { headers: { authorization: `Bearer ${tokens.accessToken}` } })
  response
    .status(answer.status)
    .type('json')
    .send(await answer.text())
}

/** Sends the browser on, with what belongs to that. */
function sendOn(
  response: Response,
  location: string,
  { setCookies, headers }: { readonly setCookies: readonly string[]; readonly headers: object },
): void {
  response
    .set(headers)
    .append('Set-Cookie', [...setCookies])
    .redirect(303, location)
}

const SIGNED_OUT = '<!doctype html><title>Shop</title><p>Nobody</p><a href="/login">Sign in</a>'
const SIGNED_IN = `<!doctype html><title>Shop</title><p>Somebody</p>
<form method="post" action="/logout"><button>Sign out</button></form>`
