import type { RequestHandler } from 'express'
import type { ApiKeyVerifier, VerifiedApiKey } from '../core/api-key.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import { type ApiKeyGuardOptions, markForKey, resolveApiKeyGuard } from '../http/api-key-guard.ts'
import { withKeyHeaders } from './api-key-errors.ts'
import { createExpressExchange } from './express-exchange.ts'

/**
 * Lets requests with an API key of these scopes pass (`x-api-key`, or `Authorization: Bearer`); `apiKeys.of(request)` has the
 * key. Anybody else gets `ERR_UNAUTHENTICATED` (401), `ERR_SCOPE` (403), `ERR_RATE_LIMITED` (429) or `ERR_AMBIGUOUS_TOKEN` (400)
 * through the error handlers, with the headers that belong to it.
 *
 * @example
 * ```ts
 * import { requireApiKey } from 'coatcheck/express'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createApiKeys } from 'coatcheck/tokens'
 * import express from 'express'
 *
 * const apiKeys = createApiKeys({ store: sqlite('./data/api-keys.db'), prefix: 'shop' })
 * const app = express()
 * app.get('/api/orders', requireApiKey(apiKeys, { scopes: ['orders:read'] }), (request, response) => {
 *   response.json({ ordersOf: apiKeys.of(request).owner })
 * })
 * ```
 */
export function requireApiKey(apiKeys: ApiKeyVerifier, options: ApiKeyGuardOptions = {}): RequestHandler {
  const check = resolveApiKeyGuard(apiKeys, options)
  return (request, response, next) => {
    const exchange = createExpressExchange(request, response)
    const pass = (key: VerifiedApiKey) => {
      markForKey(exchange.response)
      apiKeys.attach(request, key)
      next()
    }
    const refuse = (error: unknown) => next(withKeyHeaders(error))
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
