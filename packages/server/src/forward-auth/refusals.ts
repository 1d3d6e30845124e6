import { contentSecurityPolicy, isCoatcheckError, securityHeaders } from 'coatcheck'
import type { Asked } from './asked.ts'
import type { UnreadableRequest } from './original-request.ts'

/** Why a sub-request is refused, as told in the header `X-Auth-Error`: */
export type Refusal =
  | UnreadableRequest
  /** nobody is signed in: an unknown, expired or ended session looks just so (AUD-05). */
  | 'unauthenticated'
  /** the user has to prove again who they are, or by other means. */
  | 'step-up'
  /** the query asks for something that is not understood. */
  | 'options'
  /** the host is none of the setting `hosts`. */
  | 'host'
  /** paths that belong to the server itself were sent to the proxy's own guard. */
  | 'route'
  /** a page of another site sent it with the user's cookie. */
  | 'cross-site'
  /** more than one token, or more cookies than can be read. */
  | 'credentials'
  /** the user's claims do not fit into the head of an answer. */
  | 'claims-too-long'
  /** the store is down. */
  | 'unavailable'
  /** a fault of the server's own; its log has it. */
  | 'error'

/** What somebody who set up the proxy has to know; the others are for visitors, and happen every day. */
export const FAULTS: Readonly<Partial<Record<Refusal, string>>> = {
  'untrusted-proxy':
    'The sub-request comes from no trusted proxy, or without X-Forwarded headers: see trust-proxy.',
  'original-request':
    'The sub-request does not say by X-Forwarded-Method which method its client used, or says two.',
  options: 'The query of /forward-auth has something that is not understood.',
  host: 'The host of the request is not among hosts.',
  route: 'Paths below /.coatcheck/ must go to this server, and not through forward-auth.',
  'claims-too-long': 'The claims of a user are too long for headers.',
}

const UNAUTHENTICATED: ReadonlySet<Refusal> = new Set(['unauthenticated', 'step-up'])

/** What an error of the library's means here; `null`: a fault. */
export function refusalOf(error: unknown): Refusal | null {
  if (!isCoatcheckError(error)) return null
  if (error.status === 503 || error.code === 'ERR_CLOSED') return 'unavailable'
  if (error.status === 401) return 'unauthenticated'
  if (error.code === 'ERR_CSRF') return 'cross-site'
  return error.status === 500 ? null : 'credentials'
}

/** 401 or 403, since nginx makes a 500 of anything else; 503 only where the proxy asks for it. */
export function statusOf(refusal: Refusal, asked: Pick<Asked, 'outage'> | null): 401 | 403 | 503 {
  if (UNAUTHENTICATED.has(refusal)) return 401
  return refusal === 'unavailable' ? (asked?.outage ?? 403) : 403
}

/** RFC 9470 for a step-up; a 401 must name some scheme (RFC 9110, 15.5.2). */
export function challenge(refusal: Refusal, asked: Asked): string {
  if (refusal !== 'step-up') return 'Bearer'
  const age = asked.fresh === null ? '' : `, max_age="${Math.floor(asked.fresh / 1_000)}"`
  const levels = asked.levels.length === 0 ? '' : `, acr_values="${asked.levels.join(' ')}"`
  return `Bearer error="insufficient_user_authentication"${age}${levels}`
}

/** Headers of every refusal, names and values in turn: some proxies give it to the browser as it is. HSTS comes with every answer. */
export const REFUSAL_HEADERS: readonly string[] = Object.freeze(
  Object.entries({
    ...securityHeaders({
      hsts: false,
      contentSecurityPolicy: contentSecurityPolicy({
        directives: {
          'default-src': ["'none'"],
          'script-src': ["'none'"],
          'style-src': ["'none'"],
          'img-src': ["'none'"],
          'form-action': ["'none'"],
        },
      }),
    }),
    'cache-control': 'no-store',
  }).flat(),
)

/** For people who come to see it. */
export const TEXTS: Readonly<Record<401 | 403 | 503, string>> = {
  401: 'Sign in to see this.\n',
  403: 'This is not allowed.\n',
  503: 'Sessions cannot be looked up at the moment. Try again soon.\n',
}
