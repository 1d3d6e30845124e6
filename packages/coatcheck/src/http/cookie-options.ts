import { ConfigError } from '../core/errors.ts'
import { assertKnownKeys, oneOf } from '../core/option-checks.ts'
import { type Cookie, cookieProblem, MAX_COOKIE_AGE } from './cookie.ts'
import { hostnameOf } from './host.ts'

/** What an application may choose about the session cookie. `Secure`, `HttpOnly` and an explicit `SameSite` are not up for choice. */
export interface CookieOptions {
  /**
   * Default `sid`. The prefix that browsers enforce is put before it: `__Host-`, or `__Secure-` with a `domain` or a
   * `path`. A name that begins with a prefix is taken as it is and must fit the rest; `__Host-Http-` is accepted.
   */
  readonly name?: string
  /** Shares the cookie with all sub-domains of this domain, and trusts every one of them. Default: this host alone. */
  readonly domain?: string
  /** Default `/`. Not a boundary: pages on other paths of the host can still read and act. */
  readonly path?: string
  /** Default `'lax'`: sent on navigations to the site, not on requests made by other sites. */
  readonly sameSite?: 'lax' | 'strict'
  /** `SameSite=None`: browsers send the cookie with requests that other sites make. Default false. */
  readonly unsafeSameSiteNone?: boolean
}

/** The table of defaults. The name is neutral on purpose: it tells neither product nor language (TOK-10). */
export const COOKIE_DEFAULTS = Object.freeze({
  name: 'sid',
  path: '/',
  sameSite: 'lax',
  unsafeSameSiteNone: false,
} as const satisfies CookieOptions)

const KNOWN: readonly (keyof CookieOptions)[] = ['name', 'domain', 'path', 'sameSite', 'unsafeSameSiteNone']

/** Options of other session libraries, and what stands in their place here. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  secure: 'the cookie is always Secure; for plain HTTP away from this machine there is unsafeAllowHttp',
  httpOnly: 'the cookie is always HttpOnly',
  maxAge: 'lifetimes decide how long a cookie lives',
  expires: 'lifetimes decide how long a cookie lives',
  partitioned: 'partitioned cookies are not supported',
}

const PREFIX = /^__(?:host-http|host|http|secure)-/i

/** Checks every value and fills in the defaults. Whatever cannot work throws `ERR_OPTION` with the option's path. */
export function resolveCookieOptions(options: CookieOptions = {}): Cookie {
  assertNotElsewhere(options)
  assertKnownKeys(options, KNOWN, 'cookie')
  const path = text(options.path ?? COOKIE_DEFAULTS.path, 'path')
  const domain = options.domain === undefined ? null : text(options.domain, 'domain').toLowerCase()
  const cookie: Cookie = Object.freeze({
    name: prefixed(text(options.name ?? COOKIE_DEFAULTS.name, 'name'), domain !== null || path !== '/'),
    domain,
    path,
    secure: true,
    httpOnly: true,
    sameSite: resolveSameSite(options),
    partitioned: false,
  })
  const problem = cookieProblem(cookie) ?? domainProblem(domain)
  if (problem !== null) throw new ConfigError('ERR_OPTION', `Option cookie cannot work: ${problem}`)
  return cookie
}

/** Throws `ERR_OPTION` naming `path` where a persistent cookie of this age (milliseconds) would be cut short by browsers (CK-16). */
export function assertPersistable(age: number, path: string): void {
  if (age <= MAX_COOKIE_AGE) return
  throw new ConfigError(
    'ERR_OPTION',
    `Option ${path} must not exceed 400d, since browsers keep no cookie longer.`,
  )
}

/**
 * The cookie for an exchange that has no TLS where `unsafeAllowHttp` permits one: no prefix and not `Secure`, since
 * browsers would drop it. Its name differs, so that what travelled in the clear is never accepted over HTTPS.
 */
export function withoutTls(cookie: Cookie): Cookie {
  return Object.freeze({
    ...cookie,
    name: cookie.name.replace(PREFIX, ''),
    secure: false,
    sameSite: cookie.sameSite === 'none' ? 'lax' : cookie.sameSite,
  })
}

/**
 * Why the browser that asked for `host` would silently drop this cookie, as a sentence; `null` where it keeps it. Only
 * a `domain` can be wrong: preview hosts and direct addresses are the usual case.
 */
export function droppedByBrowser(cookie: Cookie, host: string | undefined): string | null {
  if (cookie.domain === null) return null
  const hostname = hostnameOf(host)
  if (hostname === cookie.domain || hostname?.endsWith(`.${cookie.domain}`)) return null
  return `Browsers drop cookie ${cookie.name} here: the host of this request is not within the configured domain ${cookie.domain}.`
}

/**
 * Where a cookie of this name that is not ours may sit: another domain or path, as left behind by an earlier
 * configuration or put there by a sibling (CK-11). A request does not tell where its cookies belong, so these are all
 * places that the browser could have sent them from, ours excepted. At most one `Set-Cookie` per name may go into a
 * response (CK-08): whenever several values arrived and none of ours is due, send the deletion of one place chosen at
 * random, so that responses clear them one by one. Empty for a `__Host-` cookie, which has one place only.
 */
export function foreignPlaces(cookie: Cookie, host: string | undefined, path: string): readonly Cookie[] {
  if (/^__host-/i.test(cookie.name)) return []
  const places: Cookie[] = []
  for (const domain of domainsOf(hostnameOf(host))) {
    for (const place of pathsOf(path)) {
      if (domain === cookie.domain && place === cookie.path) continue
      const foreign = { ...cookie, domain, path: place }
      if (cookieProblem(foreign) === null) places.push(foreign)
    }
  }
  return places
}

const MOST_PATHS = 8
const MOST_DOMAINS = 6

/** `null` for the host itself, then every domain above it that browsers could accept. */
function domainsOf(hostname: string | null): readonly (string | null)[] {
  const domains: (string | null)[] = [null]
  if (hostname === null || !/[a-z]/.test(hostname)) return domains
  for (let rest = hostname; rest.includes('.'); rest = rest.slice(rest.indexOf('.') + 1)) domains.push(rest)
  return domains.slice(0, MOST_DOMAINS)
}

/** `/`, then the directories down to `path` with and without the slash at the end, as browsers store both. */
function pathsOf(path: string): readonly string[] {
  const paths = ['/']
  for (let slash = path.indexOf('/', 1); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    paths.push(path.slice(0, slash), path.slice(0, slash + 1))
  }
  if (path !== '/' && !path.endsWith('/')) paths.push(path)
  return paths.slice(0, MOST_PATHS)
}

function text(value: unknown, option: keyof CookieOptions): string {
  if (typeof value === 'string' && value !== '') return value
  throw new ConfigError('ERR_OPTION', `Option cookie.${option} must be a string that is not empty.`)
}

function prefixed(name: string, shared: boolean): string {
  if (PREFIX.test(name)) return name
  return `${shared ? '__Secure-' : '__Host-'}${name}`
}

function resolveSameSite(options: CookieOptions): Cookie['sameSite'] {
  if ((options.sameSite as string | undefined) === 'none') {
    throw new ConfigError(
      'ERR_OPTION',
      "Option cookie.sameSite cannot be 'none': where other sites must be able to send the cookie, set cookie.unsafeSameSiteNone.",
    )
  }
  if (!options.unsafeSameSiteNone) {
    return oneOf(options.sameSite ?? COOKIE_DEFAULTS.sameSite, ['lax', 'strict'], 'cookie.sameSite')
  }
  if (options.sameSite === undefined) return 'none'
  throw new ConfigError(
    'ERR_OPTION',
    'Options cookie.sameSite and cookie.unsafeSameSiteNone contradict each other.',
  )
}

function domainProblem(domain: string | null): string | null {
  if (domain === null || /[a-z]/.test(domain)) return null
  return 'A cookie domain cannot be an address.'
}

function assertNotElsewhere(options: object): void {
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(ELSEWHERE, key)) continue
    throw new ConfigError('ERR_OPTION', `Option cookie.${key} does not exist: ${ELSEWHERE[key]}.`)
  }
}
