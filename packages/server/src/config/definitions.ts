import type { SettingName, Settings } from './settings.ts'

/** One setting. Its flag is `--kebab-case`, its variable `COATCHECK_UPPER_CASE` (also with `_FILE`), its key in the file kebab-case. */
export interface Definition<T> {
  /** One line for `--help` and the documentation. */
  readonly description: string
  /** As it would be written; `null`: not set. */
  readonly fallback: string | null
  /** The value of a text; throws a `TypeError` with one sentence that does not repeat the text. */
  readonly parse: (text: string) => T
  /** Never printed. */
  readonly secret?: boolean
}

/** The one table of settings: `docs/server/configuration.md` is made from it. */
export const DEFINITIONS: { readonly [N in SettingName]: Definition<Settings[N]> } = {
  dataDirectory: { description: 'Directory of databases, keys and sockets', fallback: './data', parse: text },
  store: {
    description: 'Where sessions live: sqlite (in the data directory), redis://... or postgres://...',
    fallback: 'sqlite',
    parse: (given) => engine(given, ['redis:', 'rediss:', 'postgres:', 'postgresql:']),
    secret: true,
  },
  database: {
    description:
      'Where accounts, keys and audit live: sqlite or postgres://...; default as store, sqlite with Redis',
    fallback: null,
    parse: (given) => engine(given, ['postgres:', 'postgresql:']),
    secret: true,
  },
  keys: {
    description: 'Master keys, slot:key, separated by commas; default a file in the data directory',
    fallback: null,
    parse: text,
    secret: true,
  },
  publicUrl: { description: 'Address that visitors use', fallback: 'http://localhost:4000', parse: origin },
  host: { description: 'Address that the public listener binds', fallback: '127.0.0.1', parse: text },
  port: { description: 'Port of the public listener', fallback: '4000', parse: port },
  adminHost: { description: 'Address that the admin listener binds', fallback: '127.0.0.1', parse: text },
  adminPort: {
    description: 'Port of the admin listener, or off',
    fallback: '4001',
    parse: (given) => (given === 'off' ? null : port(given)),
  },
  adminUrl: {
    description: 'Address that administrators use, where a proxy or another name leads to the admin listener',
    fallback: null,
    parse: origin,
  },
  tlsCert: { description: 'PEM file of the certificate chain', fallback: null, parse: text },
  tlsKey: { description: 'PEM file of its key', fallback: null, parse: text },
  trustProxy: {
    description: 'Proxies whose X-Forwarded headers count: addresses and networks, separated by commas',
    fallback: '',
    parse: list,
  },
  cookieName: { description: 'Name of the session cookie, before its prefix', fallback: 'sid', parse: text },
  cookieDomain: { description: 'Domain whose hosts share the session cookie', fallback: null, parse: text },
  hosts: {
    description: 'Origins besides the public one that logins may return to',
    fallback: '',
    parse: (given) => list(given).map((one) => origin(one).origin),
  },
  claims: {
    description: "Fields of users' claims that forward-auth and access tokens carry",
    fallback: '',
    parse: list,
  },
  signUp: { description: 'Whether visitors may make accounts', fallback: 'false', parse: flag },
  verifyUrl: {
    description: 'Endpoint that checks names and passwords instead of accounts kept here',
    fallback: null,
    parse: httpUrl,
  },
  resetUrl: {
    description: 'Endpoint that is told of password resets, to send the link on',
    fallback: null,
    parse: httpUrl,
  },
  minPasswordLength: {
    description: 'Shortest password in characters, 8 at least',
    fallback: '10',
    parse: (given) => whole(given, 8, 128),
  },
  idleTimeout: { description: 'Longest gap between two uses of a session', fallback: '30m', parse: text },
  absoluteTimeout: { description: 'Longest life of a session', fallback: '12h', parse: text },
  siteName: { description: 'Name on the pages', fallback: 'coatcheck', parse: text },
  logo: { description: 'SVG or PNG file shown on the pages', fallback: null, parse: text },
  themeCss: { description: 'CSS file that sets the variables of the pages', fallback: null, parse: text },
  strings: { description: 'JSON file with other words for the pages', fallback: null, parse: text },
  logLevel: {
    description: 'debug, info, warn, error or silent',
    fallback: 'info',
    parse: (given) => oneOf(given, ['debug', 'info', 'warn', 'error', 'silent']),
  },
  shutdownTimeout: {
    description: 'Seconds that requests under way have at the end',
    fallback: '10',
    parse: (given) => whole(given, 0, 600),
  },
  unsafeAllowHttp: {
    description: 'Sessions over plain HTTP beyond this machine: anybody on the way can take them',
    fallback: 'false',
    parse: flag,
  },
}

export const SETTING_NAMES = Object.keys(DEFINITIONS) as readonly SettingName[]

function text(given: string): string {
  if (given.trim() === '') throw new TypeError('must not be empty.')
  return given.trim()
}

function list(given: string): readonly string[] {
  return given
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

function whole(given: string, least: number, most: number): number {
  const value = Number(given)
  if (!/^\d+$/.test(given.trim()) || value < least || value > most) {
    throw new TypeError(`must be a whole number from ${least} to ${most}.`)
  }
  return value
}

function port(given: string): number {
  return whole(given, 0, 65_535)
}

function flag(given: string): boolean {
  return oneOf(given, ['true', 'false']) === 'true'
}

function oneOf<const T extends string>(given: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === given.trim())
  if (found === undefined) throw new TypeError(`must be ${allowed.join(' or ')}.`)
  return found
}

function httpUrl(given: string): string {
  const url = URL.parse(given)
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new TypeError('must be an address that begins with https:// or http://.')
  }
  return url.href
}

function origin(given: string): URL {
  const url = new URL(httpUrl(given))
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new TypeError('must be scheme, host and port alone, such as https://accounts.example.')
  }
  return url
}

function engine(given: string, protocols: readonly string[]): string {
  const asked = given.trim()
  if (asked === 'sqlite' || protocols.includes(URL.parse(asked)?.protocol ?? '')) return asked
  throw new TypeError(`must be sqlite or begin with ${protocols.map((one) => `${one}//`).join(' or ')}.`)
}
