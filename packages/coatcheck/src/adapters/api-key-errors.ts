import { FOR_KEYS } from '../http/api-key-guard.ts'
import { errorHeaders, isRefusal, type Problem, toProblem } from '../http/problem.ts'

/** Gives a refusal the headers that belong to it, as the property that frameworks' own error handlers send: `headers`. */
export function withKeyHeaders(error: unknown): unknown {
  if (!isRefusal(error)) return error
  const headers = { ...errorHeaders(error, FOR_KEYS), 'cache-control': 'no-store' }
  return Object.assign(error, { headers })
}

/** The response for a refusal, where no framework makes one. */
export function keyProblem(error: unknown): Problem {
  return toProblem(error, FOR_KEYS)
}

/** The same as a `Response`. */
export function keyProblemResponse(error: unknown): Response {
  const { status, headers, body } = keyProblem(error)
  return new Response(body, { status, headers })
}
