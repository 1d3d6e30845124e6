import { withSession } from '../../src/adapters/fetch.ts'
import { FetchExchange } from '../../src/adapters/fetch-exchange.ts'
import type { Environment } from '../../src/core/environment.ts'
import { openSession } from '../../src/http/open-session.ts'
import { createSessions, type Session, sessionStatus } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'
import {
  createAccessTokenVerifier,
  createDpop,
  createKeyRing,
  createTokens,
  ephemeralSigningKeys,
} from '../../src/tokens/index.ts'

interface ShopData {
  orders: number
}

export interface ShopOptions {
  readonly environment: Environment
  /** Life of access tokens. Default `'5m'`. */
  readonly accessTokenLife?: '2s' | '5m'
  /** Whether bearer tokens are bound to keys, by proofs with a nonce of the server. */
  readonly dpop?: 'nonce' | 'clock'
  readonly idleTimeout?: '10s' | '30m'
}

/** A request as the shop got it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: Headers
  readonly status: number
}

const ISSUER = 'https://accounts.example'
const AUDIENCE = 'https://orders.example'
/** Where a server might send requests on to. */
const AWAY = { location: 'http://thief.localhost/take' }

const CLIENT = { id: 'page', audience: AUDIENCE }

/**
 * A server for clients: sessions in a cookie under `/api/`, with CSRF tokens demanded; access and refresh tokens under
 * `/bearer/`. Made of the library's public parts.
 */
export function openShop(options: ShopOptions) {
  const { environment, accessTokenLife = '5m', idleTimeout = '30m' } = options
  const dpop = options.dpop
    ? createDpop({ environment, nonce: options.dpop === 'nonce' ? 'require' : 'off' })
    : null
  const sessions = createSessions<ShopData>({
    store: memory(),
    environment,
    idleTimeout,
    touchInterval: '1s',
    transports: ['cookie', 'bearer'],
    csrf: { mode: 'token' },
    expiresHeader: true,
    onError: () => {},
  })
  const keys = createKeyRing({ storage: ephemeralSigningKeys(), environment })
  const tokens = createTokens({
    sessions,
    keys,
    issuer: ISSUER,
    accessTokenLife,
    refresh: dpop ? { dpop, binding: 'require' } : {},
  })
  const verifier = createAccessTokenVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    jwks: keys,
    clockTolerance: 0,
    revocation: tokens.liveness,
    environment,
  })

  const cookieRoutes: Record<string, (session: Session<ShopData>) => Promise<Response> | Response> = {
    'POST /api/login': async (session) => {
      await session.login('ann')
      return new Response('welcome')
    },
    'POST /api/logout': async (session) => {
      await session.logout()
      return new Response('bye')
    },
    'GET /api/orders': (session) =>
      session.userId === null ? unauthorized() : Response.json({ orders: session.get('orders') ?? 0 }),
    'POST /api/orders': (session) => {
      if (session.userId === null) return unauthorized()
      session.add('orders', 1)
      return new Response('ordered')
    },
    'POST /api/step-up': () =>
      new Response(null, {
        status: 401,
        headers: { 'www-authenticate': 'Cookie error="insufficient_user_authentication"' },
      }),
  }

  const bearerRoutes: Record<string, (request: Request) => Promise<Response> | Response> = {
    'POST /bearer/login': (request) => logIn(request),
    'POST /bearer/token': (request) => refresh(request),
    'POST /bearer/logout': (request) => tokens.handleLogout(request),
    'GET /bearer/orders': (request) => authorized(request),
    'POST /bearer/orders': (request) => authorized(request),
  }

  async function logIn(request: Request): Promise<Response> {
    const proofs = [request.headers.get('dpop') ?? []].flat()
    const checked = dpop && (await dpop.check({ method: 'POST', url: request.url, proofs }, null))
    if (checked && !checked.ok) return nonceResponse(checked.error, checked.nonce)
    return withSession(sessions, request, async (session) => {
      await session.login('ann', { transport: 'bearer' })
      const result = await tokens.issue(session, CLIENT, { proof: checked?.proof ?? null })
      if (!result.ok) return Response.json({ error: result.error }, { status: 400 })
      const answer = {
        access_token: result.accessToken,
        token_type: result.tokenType,
        expires_in: result.expiresIn,
        refresh_token: result.refreshToken,
        refresh_token_expires_in: result.refreshExpiresIn,
      }
      endsAt = expiryOf(answer)
      return Response.json(answer)
    })
  }

  let endsAt = 0
  const refreshed: number[] = []

  async function refresh(request: Request): Promise<Response> {
    const left = endsAt - environment.now()
    const response = await tokens.handle(request)
    if (response.ok) refreshed.push(left)
    if (response.ok) endsAt = expiryOf(await response.clone().json())
    return response
  }

  async function authorized(request: Request): Promise<Response> {
    const authorization = request.headers.get('authorization')
    const { method, url } = request
    if (dpop) {
      const proof = request.headers.get('dpop')
      const answer = await dpop.authenticate(
        { method, url, authorization, proof, binding: 'require' },
        verifier,
      )
      if (!answer.ok) return new Response(null, { status: 401, headers: answer.headers })
      return Response.json({ for: answer.claims.sub }, { headers: answer.headers })
    }
    const verified = await verifier.verify(authorization?.replace(/^Bearer /, '') ?? '')
    if (!verified.ok) return unauthorized()
    return Response.json({ for: verified.claims.sub, body: await request.text() })
  }

  async function status(request: Request): Promise<Response> {
    const exchange = new FetchExchange(request, {})
    const opened = await openSession(sessions, exchange, { mode: 'peek' })
    if (!opened) return new Response(null, { status: 500 })
    return Response.json(sessionStatus(opened.session), { headers: { 'cache-control': 'no-store' } })
  }

  async function route(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const name = `${request.method} ${pathname}`
    if (name === 'GET /api/session') return status(request)
    if (pathname.endsWith('/away')) {
      return new Response(null, { status: 307, headers: AWAY })
    }
    const byCookie = cookieRoutes[name]
    if (byCookie) return withSession(sessions, request, byCookie)
    return bearerRoutes[name]?.(request) ?? new Response('nothing here', { status: 404 })
  }

  const seen: Seen[] = []
  return {
    sessions,
    tokens,
    /** Every request, oldest first. */
    seen,
    /** Of each refresh, how many milliseconds the access token before it had left. */
    refreshed,
    async handle(request: Request): Promise<Response> {
      const { method, headers } = request
      const response = await route(request)
      response.headers.set('date', new Date(environment.now()).toUTCString())
      seen.push({ method, path: new URL(request.url).pathname, headers, status: response.status })
      return response
    },
    close: () => sessions.close(),
  }
}

export type Shop = ReturnType<typeof openShop>

/** When an access token ends, by the server's clock. */
function expiryOf(answer: unknown): number {
  const { access_token: token } = answer as { readonly access_token: string }
  const [, claims = ''] = token.split('.')
  return JSON.parse(Buffer.from(claims, 'base64url').toString()).exp * 1_000
}

function unauthorized(): Response {
  return new Response(null, { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
}

function nonceResponse(error: string, nonce: string | null): Response {
  return Response.json({ error }, { status: 400, headers: nonce === null ? {} : { 'dpop-nonce': nonce } })
}
