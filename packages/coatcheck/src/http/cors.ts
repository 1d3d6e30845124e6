import { type Duration, toMilliseconds } from '../core/duration.ts'
import { ConfigError } from '../core/errors.ts'
import { assertKnownKeys } from '../core/option-checks.ts'
import type { ResponseHeaders } from './exchange.ts'
import { parseOrigin, requireOrigin } from './host.ts'
import { addVary } from './response-headers.ts'

/** Which pages of other origins may read responses, and with which requests. */
export interface CorsOptions {
  /** Exact origins, such as `https://app.example`. No pattern, no `*`, no `null`: whoever is listed acts with the user's cookie. */
  readonly origins: readonly string[]
  /** Whether browsers may send cookies along and show the response all the same. Default true. */
  readonly credentials?: boolean
  /** Default GET, HEAD, POST, PUT, PATCH, DELETE. */
  readonly methods?: readonly string[]
  /** Request headers that pages may set. Default `content-type`, `x-csrf-token`, `authorization`, `dpop`. */
  readonly headers?: readonly string[]
  /** Response headers that pages may read, besides `www-authenticate` and `dpop-nonce`, which say what to try again with. Default none. */
  readonly exposeHeaders?: readonly string[]
  /** How long browsers may remember a preflight. Default `'10m'`. */
  readonly maxAge?: Duration
}

export const CORS_DEFAULTS = Object.freeze({
  credentials: true,
  methods: Object.freeze(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
  headers: Object.freeze(['content-type', 'x-csrf-token', 'authorization', 'dpop']),
  exposeHeaders: Object.freeze([]),
  maxAge: '10m',
} as const satisfies Omit<CorsOptions, 'origins'>)

/** Response headers by lower-case name. `vary` is to be merged with the response's own. */
export type HeaderRecord = Readonly<Record<string, string>>

export interface CorsAnswer {
  readonly isPreflight: boolean
  readonly headers: HeaderRecord
}

/** Puts the headers on a response; `Vary` joins what is there. */
export function setCorsHeaders(
  response: Pick<ResponseHeaders, 'get' | 'set'>,
  { vary = '', ...headers }: HeaderRecord,
): void {
  for (const [name, value] of Object.entries(headers)) response.set(name, value)
  addVary(response, ...vary.split(', '))
}

/** Checks the options once; whatever cannot work throws `ERR_OPTION` with the option's path. */
export function createCors(options: CorsOptions): Cors {
  return new Cors(options)
}

/**
 * CORS with an exact allowlist (CORS-01). A request's origin is looked up, never reflected: what is sent is the
 * configured text. The answer to an origin that is not listed is a response without CORS headers, which browsers refuse
 * to show; what the request did on the server is for the CSRF check to prevent.
 */
export class Cors {
  readonly #origins: ReadonlySet<string>
  readonly #actual: HeaderRecord
  readonly #preflight: HeaderRecord

  constructor(options: CorsOptions) {
    assertKnownKeys(options, ['origins', ...Object.keys(CORS_DEFAULTS)], 'cors')
    const resolved = { ...CORS_DEFAULTS, ...options }
    this.#origins = new Set(
      requireList(resolved.origins, 'origins').map((origin, index) =>
        requireOrigin(origin, `cors.origins[${index}]`),
      ),
    )
    const exposed = withRetryHeaders(names(resolved.exposeHeaders, 'exposeHeaders'))
    const credentials: HeaderRecord = resolved.credentials
      ? { 'access-control-allow-credentials': 'true' }
      : {}
    this.#actual = { ...credentials, 'access-control-expose-headers': exposed }
    this.#preflight = {
      ...credentials,
      'access-control-allow-methods': names(resolved.methods, 'methods'),
      'access-control-allow-headers': names(resolved.headers, 'headers'),
      'access-control-max-age': String(Math.floor(toMilliseconds(resolved.maxAge, 'cors.maxAge', 0) / 1000)),
    }
  }

  /** Headers for the response to an actual request with this `Origin` header. */
  headers(origin: string | undefined): HeaderRecord {
    return this.#answer(origin, this.#actual, 'Origin')
  }

  /**
   * Headers for the response (204, no body) to a preflight: an OPTIONS request with `Origin` and
   * `Access-Control-Request-Method`. The lists are fixed, whatever the page asked for.
   */
  preflight(origin: string | undefined): HeaderRecord {
    return this.#answer(origin, this.#preflight, PREFLIGHT_VARY)
  }

  /** For adapters: what the response to this request gets, and whether that is all of it (204), before any session is looked at. */
  answer(request: { readonly method: string; header(name: string): string | undefined }): CorsAnswer {
    const origin = request.header('origin')
    const isPreflight =
      request.method === 'OPTIONS' &&
      origin !== undefined &&
      request.header('access-control-request-method') !== undefined
    return { isPreflight, headers: isPreflight ? this.preflight(origin) : this.headers(origin) }
  }

  /** Whether pages of this origin are allowed. `null` never is: every sandboxed frame has it. */
  allows(origin: string | undefined): boolean {
    const parsed = origin === undefined ? null : parseOrigin(origin)
    return parsed !== null && this.#origins.has(parsed)
  }

  #answer(origin: string | undefined, headers: HeaderRecord, vary: string): HeaderRecord {
    const parsed = origin === undefined ? null : parseOrigin(origin)
    if (parsed === null || !this.#origins.has(parsed)) return { vary }
    return { 'access-control-allow-origin': parsed, ...headers, vary }
  }
}

/** What a client of another origin must be able to read of a 401 (RFC 9449, section 8; CORS-05). */
const RETRY_HEADERS = ['www-authenticate', 'dpop-nonce']

function withRetryHeaders(exposed: string): string {
  const known = exposed.toLowerCase().split(', ')
  const missing = RETRY_HEADERS.filter((name) => !known.includes(name))
  return [...(exposed === '' ? [] : [exposed]), ...missing].join(', ')
}

const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

function requireList(list: unknown, option: keyof CorsOptions): readonly unknown[] {
  if (Array.isArray(list)) return list
  throw new ConfigError('ERR_OPTION', `Option cors.${option} must be a list.`)
}

/** A list of methods or header names, joined. `*` is no name: with credentials browsers take it literally. */
function names(list: unknown, option: keyof CorsOptions): string {
  const all = requireList(list, option)
  const bad = all.findIndex(
    (name) => typeof name !== 'string' || name === '*' || !/^[\w!#$%&'*+.^`|~-]+$/.test(name),
  )
  if (bad === -1) return all.join(', ')
  throw new ConfigError('ERR_OPTION', `Option cors.${option}[${bad}] must be one name, no wildcard.`)
}
