import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from 'redis'
import { WebSocketServer } from 'ws'
import { openUpgrade, refuseUpgrade, withSession } from '../../src/adapters/node.ts'
import type { SessionStore } from '../../src/core/store.ts'
import { createSessions, keyRing, type Session } from '../../src/index.ts'
import { postgres } from '../../src/stores/postgres.ts'
import { redis } from '../../src/stores/redis.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import {
  createAccessTokenVerifier,
  createKeyRing,
  createTokens,
  signingKeyFile,
} from '../../src/tokens/index.ts'
import { openClient } from '../stores/postgres-harness.ts'

/** A node of an application with everything that hangs on sessions: `<store> <address> <signing keys>`. Says its port. */
const [kind = '', address = '', signingKeys = ''] = process.argv.slice(2)

const ISSUER = 'https://accounts.example'
const AUDIENCE = 'https://orders.example'

async function openStore(): Promise<SessionStore> {
  if (kind === 'sqlite') return sqlite(address)
  if (kind === 'postgres') return postgres(openClient('pg', address, { max: 4 }).client)
  const client = createClient({ url: address })
  client.on('error', () => {})
  await client.connect()
  return redis(client)
}

const sessions = createSessions({
  store: await openStore(),
  transports: ['cookie', 'bearer'],
  keys: keyRing([{ slot: 1, state: 'current', key: Buffer.alloc(32, 'a key').toString('base64url') }]),
})
const ring = createKeyRing({ storage: signingKeyFile(signingKeys) })
const tokens = createTokens({ sessions, keys: ring, issuer: ISSUER })
const verifier = createAccessTokenVerifier({
  issuer: ISSUER,
  audience: AUDIENCE,
  jwks: ring,
  revocation: tokens.liveness,
})

type Own = Session<Record<string, never>>

const ROUTES: Readonly<Record<string, (session: Own, url: URL, response: ServerResponse) => unknown>> = {
  async '/login'(session, url, response) {
    const transport = url.searchParams.get('transport') === 'bearer' ? 'bearer' : 'cookie'
    const { token } = await session.login(url.searchParams.get('user') ?? '', { transport })
    const set = await tokens.issue(session, { id: 'phone', audience: AUDIENCE })
    answer(response, 200, { id: session.id, token, csrf: session.csrfToken(), ...set })
  },
  '/me': (session, _, response) => answer(response, session.userId === null ? 401 : 200, {}),
  '/csrf'(session, url, response) {
    session.assertCsrf(url.searchParams.get('token'))
    answer(response, 200, {})
  },
  async '/logout'(session, _, response) {
    await session.logout()
    answer(response, 200, {})
  },
  '/events'(session, _, response) {
    if (session.userId === null) return answer(response, 401, {})
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(': hello\n\n')
    session.signal.addEventListener('abort', () => response.end())
  },
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

/** Another service: it knows access tokens alone. */
async function orders(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const token = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
  const verified = await verifier.verify(token)
  answer(response, verified.ok ? 200 : 401, {})
}

async function refresh(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answered = await tokens.handle(
    new Request(`${ISSUER}/token`, {
      method: 'POST',
      body: await bodyOf(request),
      headers: { 'content-type': request.headers['content-type'] ?? '' },
    }),
  )
  answer(response, answered.status, (await answered.json()) as object)
}

const sockets = new WebSocketServer({ noServer: true })
const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (url.pathname === '/orders') return orders(request, response)
  if (url.pathname === '/token') return refresh(request, response)
  return withSession(sessions, request, response, (session) =>
    ROUTES[url.pathname]?.(session as Own, url, response),
  )
})

server.on('upgrade', async (request, socket, head) => {
  const upgrade = await openUpgrade(sessions, request, { allowedOrigins: ['http://app.example'] })
  if (!upgrade.ok) return refuseUpgrade(socket, upgrade.status)
  if (upgrade.session.userId === null) return refuseUpgrade(socket, 401)
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    upgrade.signal.addEventListener('abort', () => webSocket.close(4401, 'session ended'))
  })
})

await sessions.open()
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
})
// Whoever started this process is gone.
process.stdin.on('end', () => process.exit()).resume()
