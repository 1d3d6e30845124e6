import type { z } from '@hono/zod-openapi'
import type { Problem } from '../http/problem.ts'

/** Mistakes that are told of one request. */
const MOST = 10

/** What is wrong with a request, by its places: never what it holds, which may be a credential (HDR-07). */
export function toMistakes(error: z.core.$ZodError): Problem {
  const mistakes = error.issues.slice(0, MOST).map((issue) => ({
    at: issue.path.map((part) => String(part).slice(0, 64)).join('.'),
    mistake: SENTENCES[issue.code] ?? 'is not as described in /v1/openapi.json',
  }))
  return {
    status: 400,
    code: 'invalid-request',
    detail: 'The request is not as described in /v1/openapi.json.',
    more: { mistakes },
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  invalid_type: 'is missing or of another type',
  unrecognized_keys: 'has a member that is not known',
  too_big: 'is too long or too large',
  too_small: 'is too short or too small',
  invalid_format: 'is not of the form described',
}
