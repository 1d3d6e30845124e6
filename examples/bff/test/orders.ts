import { createServer, type Server } from 'node:http'
import { checkAuthentication, createAccessTokenVerifier } from 'coatcheck/tokens'

/** An API of somebody else's: it takes access tokens of the provider and knows nothing of sessions. */
export function createOrders(issuer: string, jwks: string, audience: string): Server {
  const verifier = createAccessTokenVerifier({ issuer, audience, jwks })
  return createServer(async (request, response) => {
    const token = /^Bearer ([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const verified = await verifier.verify(token)
    if (!verified.ok) {
      return response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end('{}')
    }
    // Of a valid token alone, and only where much is at stake: a proof of the last ten minutes.
    const stepUp = request.method === 'POST' && checkAuthentication(verified.claims, { maxAge: '10m' })
    if (stepUp) return response.writeHead(stepUp.status, stepUp.headers).end('{}')
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ of: verified.claims.sub, orders: ['hat'] }))
  })
}
