import { type DataDefinition, type DataOf, field } from './core/data-schema.ts'
import type { JsonFields } from './core/json.ts'
import { SessionManager } from './core/manager.ts'
import { resolveCoreOptions } from './core/options.ts'
import { type HttpOptions, resolveHttpOptions, type SessionsOptions } from './http/http-options.ts'
import { Sessions } from './http/sessions.ts'

/**
 * The sessions of one application over one store. Nothing is opened yet: the first request does, or `sessions.open()`
 * at start-up. Whatever cannot work throws `ConfigError` here, with the option's path.
 *
 * @example
 * ```ts
 * import { createSessions, field } from 'coatcheck'
 * import { sqlite } from 'coatcheck/sqlite'
 * import { z } from 'zod'
 *
 * const sessions = createSessions({
 *   store: sqlite('./data/sessions.db'),
 *   data: {
 *     cart: field(z.array(z.string()), { default: [], carry: true }),
 *     theme: z.enum(['light', 'dark']),
 *   },
 * })
 * ```
 */
export function createSessions<const Definition extends DataDefinition>(
  options: SessionsOptions & { readonly data: Definition },
): Sessions<DataOf<Definition>>
export function createSessions<Data extends object = JsonFields>(
  options: SessionsOptions & { readonly data?: undefined },
): Sessions<Data>
export function createSessions(options: SessionsOptions): Sessions<unknown> {
  const http = resolveHttpOptions(options)
  return new Sessions(new SessionManager(resolveCoreOptions(options), http.unsafe), http)
}

export type { DataDefinition, HttpOptions, SessionsOptions }
export { field }
