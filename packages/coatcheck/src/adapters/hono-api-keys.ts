import type { Context, MiddlewareHandler } from 'hono'
import type { ApiKeyVerifier, VerifiedApiKey } from '../core/api-key.ts'
import {
  type ApiKeyCheck,
  type ApiKeyGuardOptions,
  markForKey,
  resolveApiKeyGuard,
} from '../http/api-key-guard.ts'
import { isRefusal } from '../http/problem.ts'
import { keyProblemResponse } from './api-key-errors.ts'
import { FetchResponseHeaders } from './fetch-exchange.ts'
import { HonoExchange, type HonoPlatform } from './hono-exchange.ts'

export interface HonoApiKeyOptions extends ApiKeyGuardOptions, HonoPlatform {}

/**
 * Lets requests with an API key of these scopes pass (`x-api-key`, or `Authorization: Bearer`); `apiKeys.of(c)` has the key.
 * Anybody else gets `ERR_UNAUTHENTICATED` (401), `ERR_SCOPE` (403), `ERR_RATE_LIMITED` (429) or `ERR_AMBIGUOUS_TOKEN` (400) through
 * `app.onError`; Hono's own error handler answers them as `application/problem+json`.
 *
 * @example
 * ```ts
 * import { requireApiKey } from 'coatcheck/hono'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createApiKeys } from 'coatcheck/tokens'
 * import { Hono } from 'hono'
 *
 * const apiKeys = createApiKeys({ store: sqlite('./data/api-keys.db'), prefix: 'shop' })
 * const app = new Hono()
 * app.get('/api/orders', requireApiKey(apiKeys, { scopes: ['orders:read'] }), (c) =>
 *   c.json({ ordersOf: apiKeys.of(c).owner }),
 * )
 * ```
 */
export function requireApiKey(apiKeys: ApiKeyVerifier, options: HonoApiKeyOptions = {}): MiddlewareHandler {
  const { clientAddress, trustProxy, connection, ...guard } = options
  const platform = {
    ...(clientAddress && { clientAddress }),
    ...(trustProxy && { trustProxy }),
    ...(connection && { connection }),
  }
  const check = resolveApiKeyGuard(apiKeys, guard)
  return async (c: Context, next) => {
    const headers = new FetchResponseHeaders()
    const key = await checked(check, new HonoExchange(c, headers, platform))
    apiKeys.attach(c, key)
    apiKeys.attach(c.req.raw, key)
    await next()
    if (c.finalized) mark(c, headers)
  }
}

async function checked(check: ApiKeyCheck, exchange: HonoExchange): Promise<VerifiedApiKey> {
  try {
    return await check(exchange)
  } catch (error) {
    if (!isRefusal(error)) throw error
    // Hono's own error handler asks errors for their response.
    throw Object.assign(error, { getResponse: () => keyProblemResponse(error) })
  }
}

function mark(c: Context, headers: FetchResponseHeaders): void {
  headers.prepare(c.res)
  markForKey(headers)
  const marked = headers.take()
  if (marked === c.res) return
  // Hono would put the headers of the one before on the new one.
  c.res = undefined
  c.res = marked
}
