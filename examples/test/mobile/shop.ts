import { createSessions, type Session } from 'coatcheck'
import { withSession } from 'coatcheck/fetch'
import { sqlite } from 'coatcheck/sqlite'
import {
  createAccessTokenVerifier,
  createDpop,
  createKeyRing,
  createTokens,
  signingKeyFile,
  type TokenClient,
  tokenResponse,
} from 'coatcheck/tokens'

const ISSUER = 'https://shop.example'

/** The phone app, and what its tokens are good for. */
const PHONE: TokenClient = { id: 'phone', audience: ISSUER, scope: 'orders:read' }

const KEEP_NOT = { 'cache-control': 'no-store' }

/** A shop whose phone app signs in with the user's password and goes on with tokens. */
export function createShop(
  directory: string,
  checkPassword: (name: string, password: string) => Promise<string | null>,
) {
  const sessions = createSessions<object>({
    store: sqlite(`${directory}/sessions.db`),
    transports: ['cookie', 'bearer'],
  })
  const ring = createKeyRing({ storage: signingKeyFile(`${directory}/signing.keys`) })
  const dpop = createDpop()
  const tokens = createTokens({ sessions, keys: ring, issuer: ISSUER, refresh: { dpop } })
  const verifier = createAccessTokenVerifier({
    issuer: ISSUER,
    audience: ISSUER,
    jwks: ring,
    revocation: tokens.liveness, // a logout anywhere counts here within maxStaleness
  })

  async function logIn(request: Request, session: Session<object>): Promise<Response> {
    const { name, password } = (await request.json()) as { name: string; password: string }
    const userId = await checkPassword(name, password)
    if (userId === null) return new Response(null, { status: 401 })
    // The key of a client that has one: its tokens are bound to it then.
    const { method, url, headers } = request
    const proof = headers.get('dpop')
    const proven = proof === null ? null : await dpop.verify({ method, url, proof })
    if (proven?.ok === false) return Response.json({ error: proven.error }, { status: 400 })
    // 14 days without a use instead of 30 minutes; no cookie.
    await session.login(userId, { transport: 'bearer', remember: true, methods: ['pwd'] })
    const result = await tokens.issue(session, PHONE, { proof: proven })
    return result.ok
      ? Response.json(tokenResponse(result), { headers: KEEP_NOT })
      : Response.json({ error: result.error }, { status: 400 })
  }

  /** Bearer or DPoP, as the token says. */
  function authenticate({ method, url, headers }: Request) {
    const presented = { method, url, authorization: headers.get('authorization'), proof: headers.get('dpop') }
    return dpop.authenticate(presented, verifier)
  }

  async function devices(request: Request): Promise<Response> {
    const access = await authenticate(request)
    if (!access.ok) return new Response(null, { status: 401, headers: access.headers })
    const { families } = await tokens.list(access.claims.sub)
    return Response.json(
      families.map(({ id, clientId, device, lastUsedAt }) => ({ id, clientId, device, lastUsedAt })),
    )
  }

  async function handle(request: Request): Promise<Response> {
    switch (`${request.method} ${new URL(request.url).pathname}`) {
      case 'POST /login':
        return withSession(sessions, request, (session) => logIn(request, session))
      case 'POST /token':
        return tokens.handle(request)
      case 'POST /logout':
        return tokens.handleLogout(request)
      case 'GET /devices':
        return devices(request)
      default:
        return new Response(null, { status: 404 })
    }
  }
  return { handle, sessions, tokens }
}
