import { isIP } from 'node:net'
import { masterKeysOf } from './master-keys.ts'

// How the texts of settings are read. Each throws a `TypeError` with the end of one sentence, which never repeats the text.

export function text(given: string): string {
  if (given.trim() === '') throw new TypeError('must not be empty.')
  return given.trim()
}

export function list(given: string): readonly string[] {
  return given
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

export function whole(given: string, least: number, most: number): number {
  const value = Number(given)
  if (!/^\d+$/.test(given.trim()) || value < least || value > most) {
    throw new TypeError(`must be a whole number from ${least} to ${most}.`)
  }
  return value
}

export function port(given: string): number {
  return whole(given, 0, 65_535)
}

export function flag(given: string): boolean {
  return oneOf(given, ['true', 'false']) === 'true'
}

export function oneOf<const T extends string>(given: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === given.trim())
  if (found === undefined) throw new TypeError(`must be ${allowed.join(' or ')}.`)
  return found
}

export function httpUrl(given: string): string {
  const url = URL.parse(given.trim())
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new TypeError('must be an address that begins with https:// or http://.')
  }
  return url.href
}

export function origin(given: string): URL {
  const url = new URL(httpUrl(given))
  const isBare = url.pathname === '/' && url.search === '' && url.hash === ''
  if (isBare && url.username === '' && url.password === '') return url
  throw new TypeError('must be scheme, host and port alone, such as https://accounts.example.')
}

export function origins(given: string): readonly string[] {
  return list(given).map((one) => origin(one).origin)
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** A duration that the library understands, `30m`. */
export function duration(given: string): string {
  const value = millisecondsOf(given)
  if (value >= 1_000 && value <= 400 * 86_400_000) return given.trim()
  throw new TypeError('must be a duration such as 90s, 30m, 12h or 14d, of 400 days at most.')
}

/** `NaN` for what is no duration. */
export function millisecondsOf(given: string): number {
  const [, count = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(given.trim()) ?? []
  return count === '' ? Number.NaN : Number(count) * (UNITS[unit] ?? Number.NaN)
}

/** Addresses and networks, or `unix`. */
export function networks(given: string): readonly string[] {
  const entries = list(given)
  if (entries.every(isNetwork)) return entries
  throw new TypeError('must be addresses and networks such as 10.0.0.0/8, or unix, separated by commas.')
}

function isNetwork(entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/')
  const version = isIP(address)
  if (entry === 'unix') return true
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

/** Something to bind a listener to. */
export function hostToBind(given: string): string {
  const host = text(given).replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0 || isHostName(host)) return host
  throw new TypeError('must be an address or a host name, without a scheme or port.')
}

export function domain(given: string): string {
  const name = text(given).toLowerCase()
  if (isHostName(name) && name.includes('.') && isIP(name) === 0) return name
  throw new TypeError('must be a domain such as shop.example, without a scheme, port or dot in front.')
}

function isHostName(name: string): boolean {
  return name.length <= 253 && /^(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*$/i.test(name)
}

export function cookieName(given: string): string {
  const name = text(given)
  if (/^[\w.-]{1,64}$/.test(name) && !/^__(?:host|secure)-/i.test(name)) return name
  throw new TypeError(
    'must be letters, digits, dots, hyphens and underscores, 64 at most, without a prefix such as __Host-.',
  )
}

export function claimNames(given: string): readonly string[] {
  const names = list(given)
  if (names.every((name) => /^[A-Za-z][\w-]{0,63}$/.test(name))) return names
  throw new TypeError('must be names of letters, digits, hyphens and underscores, separated by commas.')
}

/** Master keys as a text that can be read; whatever is wrong is told without a character of it. */
export function keys(given: string): string {
  try {
    masterKeysOf(given)
  } catch (error) {
    throw new TypeError(`cannot be used: ${(error as Error).message}`)
  }
  return given.trim()
}

/** `sqlite`, or addresses of an engine, several separated by commas. */
export function engine(given: string, protocols: readonly string[]): string {
  const asked = given.trim()
  const addresses = engineAddresses(asked)
  const isEngine = addresses.every((one) => one !== null && protocols.includes(one.protocol))
  if (asked === 'sqlite' || isEngine) return asked
  throw new TypeError(`must be sqlite or begin with ${protocols.map((one) => `${one}//`).join(' or ')}.`)
}

/** The addresses of an engine; all but the first may do without a scheme: `redis://one:7000,two:7000`. `null` for what is none. */
export function engineAddresses(given: string): readonly (URL | null)[] {
  const [first = '', ...others] = given.split(',').map((one) => one.trim())
  const scheme = first.slice(0, first.indexOf('://') + 3)
  return [first, ...others.map((one) => (one.includes('://') ? one : scheme + one))].map((one) =>
    URL.parse(one),
  )
}

/** An engine's address without what it takes to get in: its scheme, host, port and path. */
export function engineWithoutSecrets(given: string): string {
  if (given === 'sqlite') return given
  return engineAddresses(given)
    .map((url) => (url ? `${url.protocol}//${url.host}${url.pathname === '/' ? '' : url.pathname}` : '(set)'))
    .join(',')
}
