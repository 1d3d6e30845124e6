import type { Context } from 'hono'
import type { z } from 'zod'
import type { Actor } from '../audit/audit-entry.ts'
import { NOT_FOUND, ProblemError } from '../http/problem.ts'

/** What handlers of the admin API know of a request. */
export interface AdminApp {
  Variables: {
    readonly actor: Actor
    /** Throws `ERR_STEP_UP_REQUIRED` unless the administrator has proved lately who they are; nothing over the socket. */
    readonly assertFresh: () => void
  }
}

export type AdminContext = Context<AdminApp>

/** What was sent: a member that may be missing is there with a value, or not at all. */
export type Given<T> = T extends object ? { [K in keyof T]: Exclude<T[K], undefined> } : T

/** The JSON body of a request; throws a problem (400, 415) that names the field and repeats no value. */
export async function readBody<T extends z.ZodType>(c: Context, schema: T): Promise<Given<z.output<T>>> {
  // A page of another site can send a form or a text without asking first, but no JSON.
  if (!/^application\/json\s*(?:;|$)/i.test(c.req.header('content-type') ?? '')) {
    throw new ProblemError({ status: 415, code: 'unsupported-media-type', detail: 'The body must be JSON.' })
  }
  return check(schema, await c.req.json().catch(() => undefined), 'body')
}

/** The query of a request; unknown names are refused, so that a mistyped filter does not show everything. */
export function readQuery<T extends z.ZodType>(c: Context, schema: T): Given<z.output<T>> {
  return check(schema, c.req.query(), 'query')
}

/** What was asked for, or 404. */
export function orNotFound<T>(found: T | null | undefined | false): T {
  if (found === null || found === undefined || found === false) throw new ProblemError(NOT_FOUND)
  return found
}

/** An expected refusal that the caller can do something about. */
export function refused(status: 400 | 401 | 403 | 409 | 429, code: string, detail: string): ProblemError {
  return new ProblemError({ status, code, detail })
}

function check<T extends z.ZodType>(schema: T, value: unknown, what: string): Given<z.output<T>> {
  const result = schema.safeParse(value)
  if (result.success) return result.data as Given<z.output<T>>
  const [issue] = result.error.issues
  const names = issue?.code === 'unrecognized_keys' ? issue.keys.map(String) : []
  const path = [what, ...(issue?.path.map(String) ?? []), ...names].join('.').slice(0, 100)
  throw new ProblemError({ status: 400, code: 'invalid-request', detail: `${path} is not as it must be.` })
}
