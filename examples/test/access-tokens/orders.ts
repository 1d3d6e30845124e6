import { createServer, type Server } from 'node:http'
import { isCoatcheckError } from 'coatcheck'
import { createAccessTokenVerifier } from 'coatcheck/tokens'

/** A service that shares nothing with the shop but the URL of its keys. */
export function createOrders(issuer: string): Server {
  const verifier = createAccessTokenVerifier({
    issuer,
    audience: 'https://orders.example.com',
    jwks: `${issuer}/jwks.json`,
  })
  return createServer(async (request, response) => {
    const token = /^Bearer ([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    try {
      const verified = await verifier.verify(token)
      if (!verified.ok) {
        // The reason is for the log alone.
        response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
      } else if (!verified.claims.scope?.split(' ').includes('orders:read')) {
        response.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope"' }).end()
      } else {
        response.writeHead(200).end(`the orders of ${verified.claims.sub}`)
      }
    } catch (error) {
      // The keys cannot be had: nobody is let in, and nobody is told that their token is bad.
      response.writeHead(isCoatcheckError(error) ? error.status : 500).end()
    }
  })
}
