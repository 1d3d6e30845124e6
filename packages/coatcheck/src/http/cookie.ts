import { UsageError } from '../core/errors.ts'

export type SameSite = 'lax' | 'strict' | 'none'

/** Everything about a cookie but its value and age. Deletion repeats all of it, or browsers keep the cookie (CK-13). */
export interface Cookie {
  readonly name: string
  /** Lower case, without a leading dot; `null`: sent to the very host that set it. */
  readonly domain: string | null
  readonly path: string
  readonly secure: boolean
  readonly httpOnly: boolean
  readonly sameSite: SameSite
  readonly partitioned: boolean
}

/** Octets of name and value together that browsers keep; one more and they drop the cookie silently (6265bis 5.6). */
export const MAX_COOKIE_SIZE = 4_096
/** Octets of one attribute's value (6265bis 5.6). */
export const MAX_ATTRIBUTE_SIZE = 1_024
/** 400 days in milliseconds: browsers shorten whatever asks for more (6265bis 5.5). */
export const MAX_COOKIE_AGE = 400 * 24 * 3_600_000

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
const COOKIE_OCTETS = /^[!#-+\--:<-[\]-~]*$/
const PATH = /^\/[!#-+\--:<-~]*$/
const DOMAIN =
  /^(?!.{254})(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
const SAME_SITE: Readonly<Record<SameSite, string>> = { lax: 'Lax', strict: 'Strict', none: 'None' }

/**
 * A `Set-Cookie` field value in the strict grammar of 6265bis 4.1.1. `age` is the remaining life in milliseconds,
 * rounded up to seconds so that the cookie never goes before its session (CK-14); `null` makes a cookie that goes with
 * the browser. Whatever a browser would drop, cut or read otherwise throws `ERR_USAGE`; the message names no value.
 */
export function serializeCookie(cookie: Cookie, value: string, age: number | null): string {
  const problem = cookieProblem(cookie) ?? valueProblem(cookie.name, value) ?? ageProblem(age)
  if (problem !== null) throw new UsageError('ERR_USAGE', problem)
  const maxAge = age === null ? '' : `; Max-Age=${Math.max(0, Math.ceil(age / 1000))}`
  return `${cookie.name}=${value}${maxAge}${attributes(cookie)}`
}

/** The `Set-Cookie` that removes this cookie: same name, path, domain and flags, no value, an expiry in the past. */
export function serializeDeletion(cookie: Cookie): string {
  const problem = cookieProblem(cookie)
  if (problem !== null) throw new UsageError('ERR_USAGE', problem)
  // Max-Age wins wherever it is understood; Expires is for clients older than RFC 6265.
  return `${cookie.name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT${attributes(cookie)}`
}

/** Why browsers would not keep such a cookie whatever its value, as a sentence; `null`: nothing is wrong with it. */
export function cookieProblem(cookie: Cookie): string | null {
  const { name, path, domain, sameSite, secure, partitioned } = cookie
  if (!TOKEN.test(name)) return "A cookie name must be one or more letters, digits or !#$%&'*+-.^_`|~ ."
  if (!PATH.test(path))
    return 'A cookie path must start with a slash and hold no control character, quote, comma, semicolon or non-ASCII character.'
  if (path.length > MAX_ATTRIBUTE_SIZE) return `A cookie path must not exceed ${MAX_ATTRIBUTE_SIZE} octets.`
  if (domain !== null && !DOMAIN.test(domain))
    return 'A cookie domain must be a host name in lower case such as example.com, without a leading dot, scheme or port.'
  if (sameSite === 'none' && !secure) return 'A cookie with SameSite=None must be Secure.'
  if (partitioned && !secure) return 'A partitioned cookie must be Secure.'
  return prefixProblem(cookie)
}

/**
 * All values under exactly this name in a `Cookie` header, in the order they came. Names are compared
 * case-sensitively (CK-12), surrounding blanks and one pair of quotes are not part of a value, nothing is decoded.
 * The header is searched for the name and never split: cookies of others cost next to nothing.
 */
export function findCookies(header: string, name: string): readonly string[] {
  let found: string[] | null = null
  for (let at = header.indexOf(name); at !== -1; at = header.indexOf(name, at + name.length)) {
    const equals = at + name.length
    if (header.charCodeAt(equals) !== EQUALS || !startsPair(header, at)) continue
    const end = header.indexOf(';', equals)
    const value = unquote(header.slice(equals + 1, end === -1 ? header.length : end))
    if (found === null) found = [value]
    else found.push(value)
  }
  return found ?? NONE
}

/** The name that a `Set-Cookie` field value sets; `''` for a nameless one. */
export function nameOfSetCookie(setCookie: string): string {
  const semicolon = setCookie.indexOf(';')
  const equals = setCookie.indexOf('=')
  if (equals === -1 || (semicolon !== -1 && semicolon < equals)) return ''
  return setCookie.slice(0, equals).trim()
}

const NONE: readonly string[] = Object.freeze([])
const EQUALS = 0x3d
const SEMICOLON = 0x3b
const SPACE = 0x20
const TAB = 0x09

/** Whether only blanks lie between `at` and the start of the header or the semicolon before it. */
function startsPair(header: string, at: number): boolean {
  for (let before = at - 1; before >= 0; before--) {
    const code = header.charCodeAt(before)
    if (code !== SPACE && code !== TAB) return code === SEMICOLON
  }
  return true
}

function unquote(raw: string): string {
  const value = raw.trim()
  const quoted = value.length >= 2 && value.startsWith('"') && value.endsWith('"')
  return quoted ? value.slice(1, -1) : value
}

function attributes(cookie: Cookie): string {
  const domain = cookie.domain === null ? '' : `; Domain=${cookie.domain}`
  const flags = `${cookie.secure ? '; Secure' : ''}${cookie.httpOnly ? '; HttpOnly' : ''}`
  const partitioned = cookie.partitioned ? '; Partitioned' : ''
  return `; Path=${cookie.path}${domain}${flags}; SameSite=${SAME_SITE[cookie.sameSite]}${partitioned}`
}

function valueProblem(name: string, value: string): string | null {
  if (!COOKIE_OCTETS.test(value))
    return `The value for cookie ${name} has a character that a cookie cannot carry.`
  const size = name.length + value.length
  return size > MAX_COOKIE_SIZE
    ? `Cookie ${name} has ${size} octets of name and value; browsers drop more than ${MAX_COOKIE_SIZE}.`
    : null
}

function ageProblem(age: number | null): string | null {
  if (age === null || age <= MAX_COOKIE_AGE) return null
  return 'A cookie must not be asked to live longer than 400 days, since browsers cut it there.'
}

/** Browsers compare prefixes without regard to case (6265bis 5.7), so `__host-x` falls under the rule too. */
function prefixProblem(cookie: Cookie): string | null {
  const name = cookie.name.toLowerCase()
  const host = name.startsWith('__host-')
  const http = name.startsWith('__http-') || name.startsWith('__host-http-')
  if (!host && !http && !name.startsWith('__secure-')) return null
  if (!cookie.secure) return `Cookie ${cookie.name} must be Secure because of its prefix.`
  if (http && !cookie.httpOnly) return `Cookie ${cookie.name} must be HttpOnly because of its prefix.`
  if (host && (cookie.path !== '/' || cookie.domain !== null))
    return `Cookie ${cookie.name} must have the path / and no domain because of its prefix.`
  return null
}
