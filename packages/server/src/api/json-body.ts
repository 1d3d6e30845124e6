import { ProblemError } from '../http/problem.ts'

/** Longest body of a request in bytes. */
export const MAX_BODY = 65_536

/** Arrays and objects within each other: far more than anybody needs, far less than a stack holds. */
const MAX_DEPTH = 32

/** A body as JSON. Refuses what is none, what is nested too deep, and fields that some languages take for something else. */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw refusal('The body is not JSON.')
  }
  assertHarmless(value, MAX_DEPTH)
  return value
}

export const TOO_LARGE = {
  status: 413,
  code: 'too-large',
  detail: `The body is longer than ${MAX_BODY} bytes.`,
}

export const NOT_JSON = {
  status: 415,
  code: 'unsupported-media-type',
  detail: 'The body must be of the type application/json.',
}

export function isJsonType(type: string | undefined): boolean {
  return type !== undefined && /^application\/json\s*(?:;|$)/i.test(type)
}

function assertHarmless(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (depth === 0) throw refusal(`The body is nested more than ${MAX_DEPTH} deep.`)
  for (const name of Object.keys(value)) {
    if (name === '__proto__') throw refusal('A field must not be named __proto__.')
    assertHarmless((value as Record<string, unknown>)[name], depth - 1)
  }
}

function refusal(detail: string): ProblemError {
  return new ProblemError({ status: 400, code: 'invalid-request', detail })
}
