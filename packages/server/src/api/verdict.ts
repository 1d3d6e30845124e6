import type { z } from '@hono/zod-openapi'
import type { JsonFields } from 'coatcheck'
import { type AccessError, isCoatcheckError, type OpenedSession, sessionDetails } from 'coatcheck'
import type { REFUSALS, Refused, Verdict as VerdictSchema } from './schemas.ts'
import type { CollectedHeaders } from './service-exchange.ts'

export type RefusedVerdict = z.infer<typeof Refused>
/** What a visitor's request came to. */
export type Verdict = z.infer<typeof VerdictSchema>
export type Refusal = (typeof REFUSALS)[number]

/** What to answer the visitor, where nothing else is known. */
const STATUS: Readonly<Record<Refusal, number>> = {
  'no-session': 401,
  csrf: 403,
  ambiguous: 400,
  'too-large': 431,
  'login-stale': 409,
  'session-limit': 403,
  'user-disabled': 403,
}

/** The session as it is, finished, with what the visitor's response has to say. */
export function acceptedOrNot(
  opened: OpenedSession<JsonFields>,
  response: CollectedHeaders,
  token: string | null = null,
): Verdict {
  const details = sessionDetails(opened.session)
  if (details === null) return refused('no-session', response)
  const { info, data, version, remaining } = details
  return {
    valid: true,
    session: info,
    data,
    version,
    remaining,
    token: token ?? response.get('session-token') ?? null,
    ...cookiesOf(response),
    headers: response.list(),
  }
}

export function refused(reason: Refusal, response: CollectedHeaders | null = null): RefusedVerdict {
  const { deleteCookie } = response ? cookiesOf(response) : NO_COOKIES
  return {
    valid: false,
    reason,
    status: STATUS[reason],
    setCookie: null,
    deleteCookie,
    headers: response?.list() ?? [],
  }
}

/** The refusal of a visitor's request that an error stands for; anything else is thrown on. */
export function refusedBy(error: unknown, response: CollectedHeaders | null = null): RefusedVerdict {
  const reason = isCoatcheckError(error) ? REASONS[(error as AccessError).code] : undefined
  if (reason === undefined) throw error
  return refused(reason, response)
}

const REASONS: Readonly<Record<string, Refusal | undefined>> = {
  ERR_CSRF: 'csrf',
  ERR_AMBIGUOUS_TOKEN: 'ambiguous',
  ERR_HEADER_TOO_LARGE: 'too-large',
  ERR_LOGIN_STALE: 'login-stale',
  ERR_SESSION_LIMIT: 'session-limit',
  ERR_SESSION_GONE: 'no-session',
  ERR_UNAUTHENTICATED: 'no-session',
}

/** The one cookie that is set for the session or taken back. */
export function cookiesOf(response: CollectedHeaders): {
  readonly setCookie: string | null
  readonly deleteCookie: string | null
} {
  const [cookie] = response.setCookies()
  if (cookie === undefined) return NO_COOKIES
  return DELETION.test(cookie)
    ? { setCookie: null, deleteCookie: cookie }
    : { setCookie: cookie, deleteCookie: null }
}

const NO_COOKIES = { setCookie: null, deleteCookie: null }
const DELETION = /^[^=]+=;/
