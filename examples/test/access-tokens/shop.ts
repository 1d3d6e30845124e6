import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createSessions, type Session, type Sessions } from 'coatcheck'
import { withSession } from 'coatcheck/node'
import { sqlite } from 'coatcheck/sqlite'
import {
  createAccessTokenVerifier,
  createKeyRing,
  createTokens,
  jwksDocument,
  signingKeyFile,
} from 'coatcheck/tokens'

export interface Shop {
  readonly server: Server
  readonly sessions: Sessions<object>
}

/** The application with the sessions: it signs users in, hands out access tokens, and publishes the keys to verify them with. */
export function createShop(directory: string, issuer: string): Shop {
  const sessions = createSessions<object>({ store: sqlite(`${directory}/sessions.db`) })
  const ring = createKeyRing({ storage: signingKeyFile(`${directory}/signing.keys`) })
  const tokens = createTokens({ sessions, keys: ring, issuer })
  // Of this process itself: it reads the store, so that an end counts at once.
  const verifier = createAccessTokenVerifier({
    issuer,
    audience: issuer,
    jwks: ring,
    revocation: tokens.liveness,
  })

  const routes: Record<string, (visit: Visit) => Promise<unknown>> = {
    async 'POST /login'({ session, response }) {
      await session.login('ada', { methods: ['pwd'] }) // once the password has been checked
      response.writeHead(204).end()
    },
    async 'POST /logout'({ session, response }) {
      await session.logout()
      response.writeHead(204).end()
    },
    async 'POST /token'({ session, response }) {
      const audience = ['https://orders.example.com', issuer]
      const { accessToken } = await tokens.accessToken(session, { audience, scope: 'orders:read' })
      response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end(accessToken)
    },
    async 'GET /whoami'({ request, response }) {
      const token = request.headers.authorization?.replace(/^Bearer /i, '') ?? ''
      const verified = await verifier.verify(token)
      response.writeHead(verified.ok ? 200 : 401).end(verified.ok ? verified.claims.sub : '')
    },
  }

  const server = createServer(async (request, response) => {
    if (request.url === '/jwks.json') {
      const { status, headers, body } = await jwksDocument(ring, request.headers['if-none-match'])
      response.writeHead(status, headers).end(body)
      return
    }
    await withSession(sessions, request, response, (session) => {
      const route = routes[`${request.method} ${request.url}`]
      return route ? route({ session, request, response }) : response.writeHead(404).end()
    })
  })
  return { server, sessions }
}

interface Visit {
  readonly session: Session<object>
  readonly request: IncomingMessage
  readonly response: ServerResponse
}
