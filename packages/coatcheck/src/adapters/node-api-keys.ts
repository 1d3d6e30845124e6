import type { ApiKeyVerifier, VerifiedApiKey } from '../core/api-key.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import { type ApiKeyGuardOptions, FOR_KEYS, markForKey, resolveApiKeyGuard } from '../http/api-key-guard.ts'
import { isRefusal } from '../http/problem.ts'
import type { TrustProxy } from '../http/trusted-proxies.ts'
import {
  connectionOf,
  haveHeadersLeft,
  NodeExchange,
  type NodeRequest,
  type NodeResponse,
  NodeResponseHeaders,
} from './node-exchange.ts'
import { sendProblem } from './prepared-response.ts'
import { printFault } from './print-fault.ts'

export interface NodeApiKeyOptions extends ApiKeyGuardOptions {
  /** Proxies whose `X-Forwarded-*` headers count. Default none. */
  readonly trustProxy?: TrustProxy
  /** Told of what the handler threw, where no refusal of ours. Default: `console.error`. */
  readonly onError?: (error: unknown) => void
}

/** Runs `handler` for a request with a key that is good here; never throws or rejects. */
export type NodeApiKeyGuard = (
  request: NodeRequest,
  response: NodeResponse,
  handler: (key: VerifiedApiKey) => unknown,
) => MaybePromise<void>

/**
 * Runs handlers for requests with an API key of these scopes (`x-api-key`, or `Authorization: Bearer`), at once where the key is
 * in the near cache; `apiKeys.of(request)` has it, too. Anybody else is answered 401, 403, 429 or 400 as
 * `application/problem+json`, and so is a refusal of ours that the handler throws; anything else is a 500 that says nothing.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { requireApiKey } from 'coatcheck/node'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createApiKeys } from 'coatcheck/tokens'
 *
 * const apiKeys = createApiKeys({ store: sqlite('./data/api-keys.db'), prefix: 'shop' })
 * const guard = requireApiKey(apiKeys, { scopes: ['orders:read'] })
 * createServer((request, response) =>
 *   guard(request, response, (key) => response.end(`Orders of ${key.owner}`)),
 * ).listen(3000)
 * ```
 */
export function requireApiKey(apiKeys: ApiKeyVerifier, options: NodeApiKeyOptions = {}): NodeApiKeyGuard {
  const { trustProxy, onError = printFault, ...guard } = options
  const check = resolveApiKeyGuard(apiKeys, guard)
  return (request, response, handler) => {
    const exchange = new NodeExchange(request, new NodeResponseHeaders(response), {
      url: request.url,
      connect: () => connectionOf(request, trustProxy),
    })
    const refuse = (error: unknown) => answer(response, error, onError)
    const pass = (key: VerifiedApiKey) => {
      markForKey(exchange.response)
      apiKeys.attach(request, key)
      return handler(key)
    }
    try {
      const checking = check(exchange)
      const handled = checking instanceof Promise ? checking.then(pass) : pass(checking)
      if (handled instanceof Promise) return handled.then(() => {}, refuse)
    } catch (error) {
      refuse(error)
    }
  }
}

function answer(response: NodeResponse, error: unknown, onError: (error: unknown) => void): void {
  const left = haveHeadersLeft(response)
  if (left || !isRefusal(error)) onError(error)
  // The client must not take what it has got for the whole.
  if (!left) sendProblem(response, error, FOR_KEYS)
  else if (!response.writableEnded) response.destroy()
}
