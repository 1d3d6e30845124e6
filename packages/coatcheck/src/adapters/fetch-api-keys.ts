import type { ApiKeyVerifier, VerifiedApiKey } from '../core/api-key.ts'
import { type ApiKeyGuardOptions, markForKey, resolveApiKeyGuard } from '../http/api-key-guard.ts'
import { isRefusal } from '../http/problem.ts'
import { keyProblemResponse } from './api-key-errors.ts'
import { FetchExchange, type FetchPlatform } from './fetch-exchange.ts'

/** Runs `handler` for a request with a key that is good here. */
export type FetchApiKeyGuard = (
  request: Request,
  handler: (key: VerifiedApiKey) => Response | Promise<Response>,
  platform?: FetchPlatform,
) => Promise<Response>

/**
 * Runs handlers for requests with an API key of these scopes (`x-api-key`, or `Authorization: Bearer`), which
 * `apiKeys.of(request)` has, too. Anybody else is answered 401, 403, 429 or 400 as `application/problem+json`, and so is a
 * refusal of ours that the handler throws; anything else that it throws is thrown on. Give the client's address
 * (`platform.clientAddress`) where keys have networks, and so that guesses are counted by where they come from.
 *
 * @example
 * ```ts
 * import { requireApiKey } from 'coatcheck/fetch'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createApiKeys } from 'coatcheck/tokens'
 *
 * const apiKeys = createApiKeys({ store: sqlite('./data/api-keys.db'), prefix: 'shop' })
 * const guard = requireApiKey(apiKeys, { scopes: ['orders:read'] })
 * export function handle(request: Request): Promise<Response> {
 *   return guard(request, (key) => Response.json({ ordersOf: key.owner }))
 * }
 * ```
 */
export function requireApiKey(apiKeys: ApiKeyVerifier, options: ApiKeyGuardOptions = {}): FetchApiKeyGuard {
  const check = resolveApiKeyGuard(apiKeys, options)
  return async (request, handler, platform = {}) => {
    const exchange = new FetchExchange(request, platform)
    try {
      const key = await check(exchange)
      apiKeys.attach(request, key)
      exchange.response.prepare(await handler(key))
    } catch (error) {
      if (!isRefusal(error)) throw error
      return keyProblemResponse(error)
    }
    markForKey(exchange.response)
    return exchange.response.take()
  }
}
