import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

/**
 * Stands in for the session of a request that the policy skips, where an adapter hands one to the handler: any use of
 * it throws `ERR_NO_SESSION_CONTEXT`, as `sessions.of` does on such a request.
 */
export function skippedSession<D>(sessions: Sessions<D>): Session<D> {
  return new Proxy(NOTHING, { get: () => sessions.of(NOTHING) }) as Session<D>
}

const NOTHING: object = Object.freeze({})
