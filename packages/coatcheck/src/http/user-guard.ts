import { type Duration, LONGEST_DURATION, toMilliseconds } from '../core/duration.ts'
import { ConfigError } from '../core/errors.ts'
import { assertKnownKeys } from '../core/option-checks.ts'
import { hasTokenInUrl } from '../core/token-forms.ts'
import type { Exchange } from './exchange.ts'
import { safeRedirectPath } from './redirects.ts'
import type { Session } from './session.ts'

/** Whom a route is for, and where others are sent. */
export interface UserGuardOptions {
  /** Longest time since the user proved who they are. Default: any. */
  readonly fresh?: Duration
  /** Level of that proof, as given to `login`, such as `'aal2'`. Default: any. */
  readonly level?: string
  /** Page to sign in at, a path of this origin. Browsers that navigate are redirected there (303); everybody else gets the error. Default: the error for all. */
  readonly onMissing?: string
  /** The same for a signed-in user whose proof is too old or too weak. Default: the error, since a sign-in page may send a signed-in user straight back. */
  readonly onStale?: string
  /** Name of the query parameter that tells those pages where to return to; read it with `safeRedirectPath`. Default `'return'`. */
  readonly returnParameter?: string
}

/** `null`: go on. A redirect is a 303 whose location depends on the session. */
export type GuardVerdict =
  | null
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'refuse'; readonly error: unknown }

export type GuardedRequest = Pick<Exchange, 'method' | 'url' | 'header'>

/** Checks every option and answers the check of one request, for the guards of all frameworks. */
export function resolveUserGuard(
  options: UserGuardOptions = {},
): (session: Pick<Session<unknown>, 'userId' | 'assertFresh'>, request: GuardedRequest) => GuardVerdict {
  assertKnownKeys(options, KNOWN, 'requireUser')
  const within =
    options.fresh === undefined ? LONGEST_DURATION : toMilliseconds(options.fresh, 'requireUser.fresh')
  const level = options.level === undefined ? {} : { level: options.level }
  const onMissing = signInPage(options.onMissing, 'onMissing')
  const onStale = signInPage(options.onStale, 'onStale')
  const parameter = options.returnParameter ?? 'return'
  return (session, request) => {
    try {
      session.assertFresh(within, level)
      return null
    } catch (error) {
      const page = session.userId === null ? onMissing : onStale
      if (page === null || !isNavigation(request)) return { kind: 'refuse', error }
      return { kind: 'redirect', location: withReturn(page, parameter, request.url) }
    }
  }
}

const KNOWN: readonly (keyof UserGuardOptions)[] = [
  'fresh',
  'level',
  'onMissing',
  'onStale',
  'returnParameter',
]

function signInPage(path: string | undefined, option: string): string | null {
  if (path === undefined) return null
  // Any other fallback than the path itself tells whether it is one of this origin.
  if (path !== '' && safeRedirectPath(path, '/') === path) return path
  throw new ConfigError(
    'ERR_OPTION',
    `Option requireUser.${option} must be a path of this origin such as /login.`,
  )
}

/** A page that a person asked for, rather than a script's request, which could not make use of a sign-in page. */
function isNavigation(request: GuardedRequest): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false
  const mode = request.header('sec-fetch-mode')
  if (mode !== undefined) return mode === 'navigate'
  return request.header('accept')?.includes('text/html') ?? false
}

/** The page with the target to return to; without one where the target could lead elsewhere, or holds a token (LIO-10, TRN-03). */
function withReturn(page: string, parameter: string, target: string): string {
  if (safeRedirectPath(target, '/') !== target || hasTokenInUrl(target)) return page
  const [path = '', fragment] = page.split('#')
  const query = `${path.includes('?') ? '&' : '?'}${parameter}=${encodeURIComponent(target)}`
  return `${path}${query}${fragment === undefined ? '' : `#${fragment}`}`
}
