import { type AccessTokenClaims, type AccessTokenVerifier, createAccessTokenVerifier } from 'coatcheck/tokens'
import express, { type ErrorRequestHandler, type Request, type Response, Router } from 'express'
import { findProduct } from '../catalogue.ts'
import { onThisMachine } from '../one-login/addresses.ts'
import type { ReviewsParts } from './parts.ts'
import { Opinion } from './reviews.ts'

export const WRITE_SCOPE = 'reviews:write'

/** Knows no sessions and no cookies: everybody may read, and access tokens of the accounts server say who writes. */
export function apiRoutes({ reviews, addresses, signIn }: ReviewsParts): Router {
  const verifier = createAccessTokenVerifier({
    issuer: addresses.accounts,
    audience: addresses.reviewsApi,
    jwks: { url: onThisMachine(`${addresses.accounts}/oauth/jwks`) },
    // A token that is right in itself may have lost its session: one question per review that is written.
    revocation: { isRevoked: async (_claims, token) => !(await signIn.isActive(token)) },
  })
  const routes = Router()

  routes.get('/articles/:sku', (request, response) => {
    const product = findProduct(request.params.sku)
    if (!product) return refuse(response, 404, 'There is no such article.')
    response.json({ ...reviews.summaryOf(product.sku), reviews: reviews.of(product.sku) })
  })

  routes.post('/articles/:sku', express.json({ limit: '4kb' }), async (request, response) => {
    const product = findProduct(request.params.sku)
    if (!product) return refuse(response, 404, 'There is no such article.')
    const claims = await authorize(verifier, request, response)
    if (!claims) return
    const opinion = Opinion.safeParse(request.body)
    if (!opinion.success) return refuse(response, 422, opinion.error.issues[0]?.message ?? '')
    response.status(201).json(reviews.write(claims.sub, product.sku, opinion.data))
  })

  routes.use((_request, response) => refuse(response, 404, 'There is nothing here.'))
  routes.use(showProblem)
  return routes
}

/** The user in whose name the request comes, or `null` once it is refused (RFC 6750, section 3). */
async function authorize(
  verifier: AccessTokenVerifier,
  request: Request,
  response: Response,
): Promise<AccessTokenClaims | null> {
  const token = /^Bearer ([^ ]+)$/i.exec(request.get('authorization') ?? '')?.[1]
  if (token === undefined) {
    response.set('www-authenticate', 'Bearer')
    refuse(response, 401, 'Bring an access token.')
    return null
  }
  const verified = await verifier.verify(token)
  if (!verified.ok) {
    response.set('www-authenticate', 'Bearer error="invalid_token"')
    refuse(response, 401, 'The access token is not good here.')
    return null
  }
  const { claims } = verified
  if (!claims.scope?.split(' ').includes(WRITE_SCOPE) || claims.sub === `client:${claims.client_id}`) {
    response.set('www-authenticate', `Bearer error="insufficient_scope", scope="${WRITE_SCOPE}"`)
    refuse(response, 403, 'The access token does not allow that.')
    return null
  }
  return claims
}

/** RFC 9457. */
function refuse(response: Response, status: number, detail: string): void {
  response.status(status).type('application/problem+json').send(JSON.stringify({ status, detail }))
}

/** Four parameters make it an error handler. */
const showProblem: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  const { status } = Object(error) as { readonly status?: unknown }
  const known = typeof status === 'number' && status >= 400 && status <= 599 ? status : 500
  if (known >= 500) console.error(error)
  refuse(response, known, known >= 500 ? 'That did not work.' : 'The request cannot be understood.')
}
