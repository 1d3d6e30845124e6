import type { ApiKeyVerifier, VerifiedApiKey } from '../core/api-key.ts'
import type { ApiKeyGuardOptions } from '../http/api-key-guard.ts'
import { requireApiKey as requireFetchApiKey } from './fetch-api-keys.ts'
import { connectionOf, type NextPlatform } from './next-exchange.ts'

export interface NextApiKeyOptions extends ApiKeyGuardOptions, NextPlatform {}

/** Runs `handler` for a request with a key that is good here. */
export type NextApiKeyGuard = (
  request: Request,
  handler: (key: VerifiedApiKey) => Response | Promise<Response>,
) => Promise<Response>

/**
 * Runs route handlers for requests with an API key of these scopes, as `requireApiKey` of `coatcheck/fetch` does. What Next
 * throws by itself (`redirect()`, `notFound()`) is thrown on. Pages and actions are for people: there are sessions for them.
 *
 * @example
 * ```ts
 * import { requireApiKey } from 'coatcheck/next'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createApiKeys } from 'coatcheck/tokens'
 *
 * const apiKeys = createApiKeys({ store: sqlite('./data/api-keys.db'), prefix: 'shop' })
 * const guard = requireApiKey(apiKeys, { scopes: ['orders:read'], trustProxy: 1 })
 * export function GET(request: Request): Promise<Response> {
 *   return guard(request, (key) => Response.json({ ordersOf: key.owner }))
 * }
 * ```
 */
export function requireApiKey(apiKeys: ApiKeyVerifier, options: NextApiKeyOptions = {}): NextApiKeyGuard {
  const { trustProxy, connection, ...guard } = options
  const platform: NextPlatform = {
    ...(trustProxy !== undefined && { trustProxy }),
    ...(connection && { connection }),
  }
  const handle = requireFetchApiKey(apiKeys, guard)
  return (request, handler) =>
    handle(request, handler, { connection: connectionOf(request.headers, platform) })
}
