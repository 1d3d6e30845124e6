import { errorHeaders } from '../http/problem.ts'
import type { Sessions } from '../http/sessions.ts'

/** Gives an error of ours the headers that belong to it, as the property that frameworks' own error handlers send: `headers`. */
export function withHeaders<D>(error: unknown, sessions: Sessions<D>): unknown {
  const headers = errorHeaders(error, sessions.http)
  if (Object.keys(headers).length === 0) return error
  return Object.assign(error as object, { headers: { ...headers, 'cache-control': 'no-store' } })
}
