import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ApiKeyVerifier, VerifiedApiKey } from '../core/api-key.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import { type ApiKeyGuardOptions, markForKey, resolveApiKeyGuard } from '../http/api-key-guard.ts'
import { withKeyHeaders } from './api-key-errors.ts'
import { createFastifyExchange } from './fastify-exchange.ts'
import { NodeResponseHeaders } from './node-exchange.ts'

/** Some member of what the guard looks at, so that it fits every kind of server, route and type provider. */
type AnyRequest = Pick<FastifyRequest, 'id'>
type AnyReply = Pick<FastifyReply, 'sent'>

/**
 * A hook (`onRequest`, `preValidation` or `preHandler`) that lets requests with an API key of these scopes pass (`x-api-key`, or
 * `Authorization: Bearer`); `apiKeys.of(request)` has the key. Anybody else gets `ERR_UNAUTHENTICATED` (401), `ERR_SCOPE` (403),
 * `ERR_RATE_LIMITED` (429) or `ERR_AMBIGUOUS_TOKEN` (400) through the error handlers, with the headers that belong to it.
 *
 * @example
 * ```ts
 * import { requireApiKey } from 'coatcheck/fastify'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createApiKeys } from 'coatcheck/tokens'
 * import Fastify from 'fastify'
 *
 * const apiKeys = createApiKeys({ store: sqlite('./data/api-keys.db'), prefix: 'shop' })
 * const onRequest = requireApiKey(apiKeys, { scopes: ['orders:read'] })
 * const app = Fastify()
 * app.get('/api/orders', { onRequest }, async (request) => ({ ordersOf: apiKeys.of(request).owner }))
 * ```
 */
export function requireApiKey(
  apiKeys: ApiKeyVerifier,
  options: ApiKeyGuardOptions = {},
): (request: AnyRequest, reply: AnyReply, done: (error?: Error) => void) => void {
  const check = resolveApiKeyGuard(apiKeys, options)
  return (request, reply, done) => {
    const exchange = createFastifyExchange(
      request as FastifyRequest,
      new NodeResponseHeaders((reply as FastifyReply).raw),
    )
    const pass = (key: VerifiedApiKey) => {
      markForKey(exchange.response)
      apiKeys.attach(request, key)
      apiKeys.attach((request as FastifyRequest).raw, key)
      done()
    }
    const refuse = (error: unknown) => done(withKeyHeaders(error) as Error)
    let checking: MaybePromise<VerifiedApiKey>
    try {
      checking = check(exchange)
    } catch (error) {
      return refuse(error)
    }
    if (checking instanceof Promise) checking.then(pass, refuse)
    else pass(checking)
  }
}
