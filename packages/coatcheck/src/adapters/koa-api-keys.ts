import type { Middleware } from 'koa'
import type { ApiKeyVerifier } from '../core/api-key.ts'
import { type ApiKeyGuardOptions, markForKey, resolveApiKeyGuard } from '../http/api-key-guard.ts'
import { withKeyHeaders } from './api-key-errors.ts'
import { createKoaExchange } from './koa-exchange.ts'

/**
 * Lets requests with an API key of these scopes pass (`x-api-key`, or `Authorization: Bearer`); `apiKeys.of(ctx)` has the key.
 * For anybody else `ERR_UNAUTHENTICATED` (401), `ERR_SCOPE` (403), `ERR_RATE_LIMITED` (429) or `ERR_AMBIGUOUS_TOKEN` (400) is
 * thrown, with the headers that belong to it.
 *
 * @example
 * ```ts
 * import { requireApiKey } from 'coatcheck/koa'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createApiKeys } from 'coatcheck/tokens'
 * import Koa from 'koa'
 *
 * const apiKeys = createApiKeys({ store: sqlite('./data/api-keys.db'), prefix: 'shop' })
 * const app = new Koa()
 * app.use(requireApiKey(apiKeys, { scopes: ['orders:read'] }))
 * app.use((ctx) => {
 *   ctx.body = { ordersOf: apiKeys.of(ctx).owner }
 * })
 * ```
 */
export function requireApiKey(apiKeys: ApiKeyVerifier, options: ApiKeyGuardOptions = {}): Middleware {
  const check = resolveApiKeyGuard(apiKeys, options)
  return async (context, next) => {
    const exchange = createKoaExchange(context)
    try {
      const checking = check(exchange)
      const key = checking instanceof Promise ? await checking : checking
      apiKeys.attach(context, key)
      apiKeys.attach(context.req, key)
    } catch (error) {
      throw withKeyHeaders(error)
    }
    markForKey(exchange.response)
    return next()
  }
}
