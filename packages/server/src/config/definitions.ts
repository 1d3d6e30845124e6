import { providerSecretsOf, providersOf } from '../upstream/providers.ts'
import {
  claimNames,
  cookieName,
  domain,
  duration,
  engine,
  engineWithoutSecrets,
  flag,
  hostToBind,
  httpUrl,
  keys,
  networks,
  oneOf,
  origin,
  origins,
  port,
  text,
  whole,
} from './parsing.ts'
import type { SettingName, Settings } from './settings.ts'

/** One setting. Its flag is `--kebab-case`, its variable `COATCHECK_UPPER_CASE` (also with `_FILE`), its key in the file kebab-case. */
export interface Definition<T> {
  /** One line for `--help` and the documentation. */
  readonly description: string
  /** As it would be written; `null`: not set. */
  readonly fallback: string | null
  /** The value of a text; throws a `TypeError` with one sentence that does not repeat the text. */
  readonly parse: (text: string) => T
  /** Its text can hold a secret; what may be printed of it. */
  readonly masked?: (text: string) => string
  /** A file that must be there and readable. */
  readonly isFile?: true
  /** May be given as a flag without a value. */
  readonly isFlag?: true
  /** A JSON text, which the file of settings holds as it is. */
  readonly isJson?: true
  /** Never on a command line, which everybody on the machine can read. */
  readonly noFlag?: true
}

/** The one table of settings: `docs/server/configuration.md` is made from it. */
export const DEFINITIONS: { readonly [N in SettingName]: Definition<Settings[N]> } = {
  dataDirectory: { description: 'Directory of databases, keys and sockets', fallback: './data', parse: text },
  store: {
    description: 'Where sessions live: sqlite (in the data directory), redis://... or postgres://...',
    fallback: 'sqlite',
    parse: (given) => engine(given, ['redis:', 'rediss:', 'redis+sentinel:', 'postgres:', 'postgresql:']),
    masked: engineWithoutSecrets,
  },
  database: {
    description:
      'Where accounts, keys and audit live: sqlite or postgres://...; default as store, sqlite with Redis',
    fallback: null,
    parse: (given) => engine(given, ['postgres:', 'postgresql:']),
    masked: engineWithoutSecrets,
  },
  keys: {
    description: 'Master keys, slot:key, separated by commas; default a file in the data directory',
    fallback: null,
    parse: keys,
    masked: () => '(set)',
    noFlag: true,
  },
  publicUrl: { description: 'Address that visitors use', fallback: 'http://localhost:4000', parse: origin },
  host: { description: 'Address that the public listener binds', fallback: '127.0.0.1', parse: hostToBind },
  port: { description: 'Port of the public listener', fallback: '4000', parse: port },
  adminHost: {
    description: 'Address that the admin listener binds',
    fallback: '127.0.0.1',
    parse: hostToBind,
  },
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
  tlsCert: { description: 'PEM file of the certificate chain', fallback: null, parse: text, isFile: true },
  tlsKey: { description: 'PEM file of its key', fallback: null, parse: text, isFile: true },
  trustProxy: {
    description: 'Proxies whose X-Forwarded headers count: addresses and networks, separated by commas',
    fallback: '',
    parse: networks,
  },
  cookieName: {
    description: 'Name of the session cookie, before its prefix',
    fallback: 'sid',
    parse: cookieName,
  },
  cookieDomain: { description: 'Domain whose hosts share the session cookie', fallback: null, parse: domain },
  hosts: {
    description: 'Origins besides the public one that logins may return to',
    fallback: '',
    parse: origins,
  },
  claims: {
    description: "Fields of users' claims that forward-auth and access tokens carry",
    fallback: '',
    parse: claimNames,
  },
  signUp: { description: 'Whether visitors may make accounts', fallback: 'false', parse: flag, isFlag: true },
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
  hookSecret: {
    description: 'Secret that signs what is sent to verify-url and reset-url',
    fallback: null,
    parse: text,
    masked: () => '(secret)',
  },
  upstreams: {
    description: 'OpenID providers with whose accounts people may sign in, a JSON list',
    fallback: '[]',
    parse: providersOf,
    isJson: true,
  },
  upstreamSecrets: {
    description: 'Client secrets for upstreams, a JSON object by their ids',
    fallback: '{}',
    parse: providerSecretsOf,
    masked: (given) => (given === '{}' ? given : '(secret)'),
    isJson: true,
    noFlag: true,
  },
  serviceRate: {
    description:
      'Validations that one service key may ask of a process in a second, other calls count ten; or off',
    fallback: '5000',
    parse: (given) => (given.trim() === 'off' ? null : whole(given, 10, 1_000_000)),
  },
  minPasswordLength: {
    description: 'Shortest password in characters, 8 at least',
    fallback: '10',
    parse: (given) => whole(given, 8, 128),
  },
  idleTimeout: { description: 'Longest gap between two uses of a session', fallback: '30m', parse: duration },
  absoluteTimeout: { description: 'Longest life of a session', fallback: '12h', parse: duration },
  rotateEvery: {
    description: 'How often a browser that is in use gets a new token, or off',
    fallback: '15m',
    parse: (given) => (given.trim() === 'off' ? null : duration(given)),
  },
  siteName: { description: 'Name on the pages', fallback: 'coatcheck', parse: text },
  logo: { description: 'SVG or PNG file shown on the pages', fallback: null, parse: text, isFile: true },
  themeCss: {
    description: 'CSS file that sets the variables of the pages',
    fallback: null,
    parse: text,
    isFile: true,
  },
  strings: {
    description: 'JSON file with other words for the pages',
    fallback: null,
    parse: text,
    isFile: true,
  },
  logLevel: {
    description: 'debug, info, warn, error or silent',
    fallback: 'info',
    parse: (given) => oneOf(given, ['debug', 'info', 'warn', 'error', 'silent']),
  },
  auditOfRemoved: {
    description: 'Addresses and details in audit entries about users who are removed: erase or keep',
    fallback: 'erase',
    parse: (given) => oneOf(given, ['erase', 'keep']),
  },
  shutdownTimeout: {
    description: 'Seconds that requests under way have at the end',
    fallback: '10',
    parse: (given) => whole(given, 0, 600),
  },
  unsafeAllowSettings: {
    description:
      'Sessions in a Redis that may forget: evicts, keeps no append-only file, or goes on without its replicas',
    fallback: 'false',
    parse: flag,
    isFlag: true,
  },
  unsafeAllowHttp: {
    description: 'Sessions over plain HTTP beyond this machine: anybody on the way can take them',
    fallback: 'false',
    parse: flag,
    isFlag: true,
  },
}

export const SETTING_NAMES = Object.keys(DEFINITIONS) as readonly SettingName[]
