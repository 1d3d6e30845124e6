import { type Duration, toMilliseconds } from '../core/duration.ts'
import { fromBase64Url, toBase64Url, utf8 } from '../core/encoding.ts'
import { ConfigError, UsageError } from '../core/errors.ts'
import type { HandOffRefusal } from '../core/events.ts'
import type { JsonFields } from '../core/json.ts'
import { LINK_FIELD, linksOf, MOST_LINKS, UNDONE } from '../core/links.ts'
import { OneTimeRecords } from '../core/one-time.ts'
import { assertKnownKeys } from '../core/option-checks.ts'
import { constantTimeEqual, sha256 } from '../core/platform.ts'
import type { SessionId } from '../core/record.ts'
import type { Live } from '../core/store.ts'
import { type Cookie, findCookies, serializeCookie, serializeDeletion } from './cookie.ts'
import { withoutTls } from './cookie-options.ts'
import { hostnameOf, isLoopbackHost } from './host.ts'
import { safeRedirectPath } from './redirects.ts'
import { RequestSession } from './request-session.ts'
import type { LoginOptions, Session } from './session.ts'
import type { Sessions } from './sessions.ts'

export interface HandOffOptions {
  /** Address at which this site receives visitors, such as `https://other.example/hand-off`: no query, no fragment. */
  readonly callback: string
  /** The same of the other sites of this owner. Compared exactly: nobody else is ever sent a code. */
  readonly sites: readonly string[]
  /** How long a code is good. Default and at most `'60s'`. */
  readonly expiresIn?: Duration
  /** Fields of the data that the new session gets from the one it comes from, as they are then. Default none. */
  readonly fields?: readonly string[]
}

/** To be put on a response that sends the browser on (303). */
export interface Departure {
  readonly location: string
  /** `Set-Cookie` field values. */
  readonly setCookies: readonly string[]
  /** Keep the code out of caches and of `Referer`. */
  readonly headers: Readonly<Record<string, string>>
}

export type HandOffIssue =
  | ({ readonly ok: true } & Departure)
  /** `site`: none of ours; `challenge`: not made by `begin`; `anonymous`: let the visitor log in first; `session`: it is over. */
  | { readonly ok: false; readonly reason: 'site' | 'challenge' | 'anonymous' | 'session' }

export type HandOffReceipt =
  | ({
      readonly ok: true
      /** Milliseconds since the user proved who they are on the other site; `null` where they came there by a hand-off, too. */
      readonly authenticatedAgo: number | null
    } & Departure)
  | ({ readonly ok: false; readonly reason: HandOffRefusal } & Omit<Departure, 'location'>)

/**
 * Signs a user in on another registrable domain of the same owner, where browsers send no cookie of the first (CORS-06). All
 * sites keep their sessions in one store, under one `name`; each makes its own hand-off.
 *
 * 1. The site that wants to know the visitor calls `begin`: a secret goes into a cookie there, its hash to the other site.
 * 2. The site where the user is signed in calls `issue`: a code that is good once, for 60 seconds, for that very site and hash.
 * 3. The first site calls `receive` with its own session: a login for whoever holds the cookie, and nobody else. So a code in
 *    a log, or one that an attacker puts into a link, signs in nobody.
 *
 * The new session lives no longer than the one it comes from, counts as no fresh proof (`isFresh` is false), and ends with
 * it: a logout on either site is one on both.
 */
export function createHandOff<D>(sessions: Sessions<D>, options: HandOffOptions): HandOff<D> {
  return new HandOff(sessions, resolveOptions(options))
}

interface Settings {
  readonly callback: string
  readonly sites: ReadonlySet<string>
  readonly expiresIn: number
  readonly fields: readonly string[]
}

/** Time to log in on the other site, in milliseconds. */
const PATIENCE = 600_000
const MOST_EXPIRES_IN = 60_000

const CODE = /^[\w-]{32}$/
const CHALLENGE = /^[\w-]{43}$/
const SECRET_BYTES = 32
/** Of the challenge, in the name of the cookie: several tabs may begin at once. */
const NAMED = 16

const HEADERS = Object.freeze({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' })

export class HandOff<D> {
  readonly #sessions: Sessions<D>
  readonly #settings: Settings
  readonly #codes: OneTimeRecords

  constructor(sessions: Sessions<D>, settings: Settings) {
    this.#sessions = sessions
    this.#settings = settings
    this.#codes = new OneTimeRecords(sessions.manager, 'hand-off')
  }

  /**
   * Sends a visitor to another site to be recognised. `at` is where that site issues codes; it gets the parameters `to` and
   * `challenge`. `returnTo` is a path on this site, from anywhere: what could lead elsewhere becomes `/`.
   */
  begin(options: { readonly at: string; readonly returnTo?: string | undefined }): Departure {
    const at = URL.parse(options.at)
    if (at === null || !this.#origins().has(at.origin)) {
      throw new UsageError('ERR_USAGE', 'A hand-off begins at a site that is among its option sites.')
    }
    const secret = toBase64Url(this.#sessions.manager.settings.environment.randomBytes(SECRET_BYTES))
    const challenge = sha256(secret)
    at.searchParams.set('to', this.#settings.callback)
    at.searchParams.set('challenge', challenge)
    const returnTo = toBase64Url(utf8(safeRedirectPath(options.returnTo)))
    const cookie = serializeCookie(this.#cookie(challenge), `${secret}.${returnTo}`, PATIENCE)
    return { location: at.href, setCookies: [cookie], headers: HEADERS }
  }

  /** On the site where the user is signed in: where to send the browser, given the parameters that came. */
  async issue(
    session: Session<D>,
    request: { readonly to: unknown; readonly challenge: unknown },
  ): Promise<HandOffIssue> {
    const { to, challenge } = request
    if (typeof to !== 'string' || !this.#settings.sites.has(to)) return { ok: false, reason: 'site' }
    if (typeof challenge !== 'string' || !CHALLENGE.test(challenge)) return { ok: false, reason: 'challenge' }
    const { id, userId } = session
    if (id === null || userId === null) return { ok: false, reason: 'anonymous' }
    // A copy in the near cache must not sign anybody in elsewhere.
    if (!(await session.revalidate())) return { ok: false, reason: 'session' }
    const code = await this.#codes.issue({ from: id, to, challenge }, this.#settings.expiresIn)
    this.#sessions.manager.events.emit('handed-off', { ...this.#about(session), to })
    const location = `${to}?${new URLSearchParams({ code, state: challenge })}`
    return { ok: true, location, setCookies: [], headers: HEADERS }
  }

  /**
   * Back on the site that began it: logs the user in with `session` and answers where they wanted to go. `cookie` is the
   * request's `Cookie` header. Whatever is wrong is a refusal with the same look to the visitor, and an event. Throws what
   * `session.login` throws but `ERR_CSRF`, and `StoreError`.
   */
  async receive(
    session: Session<D>,
    request: {
      readonly code: unknown
      readonly state: unknown
      readonly cookie: string | undefined
      readonly login?: Pick<LoginOptions<D>, 'carry' | 'data'>
    },
  ): Promise<HandOffReceipt> {
    const { code, state, cookie = '' } = request
    if (typeof code !== 'string' || typeof state !== 'string') return this.#refuse(session, 'malformed', [])
    if (!CODE.test(code) || !CHALLENGE.test(state)) return this.#refuse(session, 'malformed', [])
    const kept = this.#cookie(state)
    const returnTo = returnPathOf(findCookies(cookie, kept.name), state)
    if (returnTo === null) return this.#refuse(session, 'not-begun', [])
    const setCookies = [serializeDeletion(kept)]
    const redeemed = await this.#redeem(code, state)
    if ('reason' in redeemed) return this.#refuse(session, redeemed.reason, setCookies)
    const { record, now } = redeemed
    if (!(await this.#login(session, redeemed, request.login))) {
      return this.#refuse(session, 'session', setCookies)
    }
    const { authenticatedAt } = record
    const authenticatedAgo = authenticatedAt === null ? null : Math.max(0, now - authenticatedAt)
    return { ok: true, location: returnTo, authenticatedAgo, setCookies, headers: HEADERS }
  }

  /** The live session that the code comes from. A code that is not for this is used up all the same: somebody has it who should not. */
  async #redeem(code: string, state: string): Promise<Live | { readonly reason: HandOffRefusal }> {
    const data = await this.#codes.redeem(code)
    if (typeof data === 'string') return { reason: data }
    const { from, to, challenge } = data as {
      readonly from: SessionId
      readonly to: string
      readonly challenge: string
    }
    if (to !== this.#settings.callback || !constantTimeEqual(challenge, state)) return { reason: 'mismatch' }
    const found = await this.#sessions.manager.store.find(from)
    return found.status === 'live' && mayHandOver(found) ? found : { reason: 'session' }
  }

  /** Answers `false` where the session that it comes from ended meanwhile: then the new one is over, too. */
  async #login(
    session: Session<D>,
    { record, now }: Live,
    options: Pick<LoginOptions<D>, 'carry' | 'data'> = {},
  ): Promise<boolean> {
    const { methods, level } = record.authentication
    await RequestSession.handOver(session, record.userId ?? '', {
      options: {
        ...options,
        transport: 'cookie',
        remember: record.lifetime === 'remembered',
        methods,
        ...(level === null ? {} : { level }),
      },
      fields: { ...this.#alongWith(record.data), [LINK_FIELD]: [record.id] },
      left: Math.max(1, record.expiresAt - now),
    })
    try {
      if (session.id !== null && (await this.#sessions.manager.link(record.id, session.id))) return true
    } catch (error) {
      await this.#undo(session)
      throw error
    }
    await this.#undo(session)
    return false
  }

  #alongWith(data: JsonFields): JsonFields {
    const { fields } = this.#settings
    return Object.fromEntries(Object.entries(data).filter(([field]) => fields.includes(field)))
  }

  /** Without those that it names: they are as good as before. Where the store fails here, too, it ends with them at least. */
  async #undo(session: Session<D>): Promise<void> {
    const { events, store } = this.#sessions.manager
    if (session.id === null) return
    await store.call('end', session.id, { reason: UNDONE })
    events.emit('ended', { ...this.#about(session), reason: UNDONE })
  }

  #refuse(
    session: Session<D>,
    reason: HandOffRefusal,
    setCookies: readonly string[],
  ): Extract<HandOffReceipt, { readonly ok: false }> {
    this.#sessions.manager.events.emit('hand-off-refused', { ...this.#about(session), reason })
    return { ok: false, reason, setCookies, headers: HEADERS }
  }

  #about({ id, userId }: Session<D>) {
    const at = this.#sessions.manager.settings.environment.now()
    return { at, sessionId: id, userId, context: null }
  }

  #cookie(challenge: string): Cookie {
    const cookie = { ...COOKIE, name: `${COOKIE.name}-${challenge.slice(0, NAMED)}` }
    const isPlain = this.#settings.callback.startsWith('http:') && this.#sessions.http.unsafeAllowHttp
    return isPlain ? withoutTls(cookie) : cookie
  }

  #origins(): ReadonlySet<string> {
    return new Set([...this.#settings.sites].map((site) => new URL(site).origin))
  }
}

/** Sent along when another site sends its visitor here, which `Strict` is not. */
const COOKIE: Cookie = Object.freeze({
  name: '__Host-hand-off',
  domain: null,
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'lax',
  partitioned: false,
})

/** A bearer token may be bound to a key, which no cookie is. */
function mayHandOver({ record }: Live): boolean {
  return record.userId !== null && record.transport === 'cookie' && linksOf(record).length < MOST_LINKS
}

/** Where the visitor wanted to go; `null` where none of these cookies is the secret of that challenge. */
function returnPathOf(values: readonly string[], challenge: string): string | null {
  for (const value of values) {
    const [secret = '', path = ''] = value.split('.')
    if (!constantTimeEqual(sha256(secret), challenge)) continue
    const bytes = fromBase64Url(path)
    return safeRedirectPath(bytes === null ? null : new TextDecoder().decode(bytes))
  }
  return null
}

function resolveOptions(options: HandOffOptions): Settings {
  assertKnownKeys(options, ['callback', 'sites', 'expiresIn', 'fields'], 'handOff')
  const { callback, sites, expiresIn = '60s', fields = [] } = options
  const milliseconds = toMilliseconds(expiresIn, 'handOff.expiresIn')
  if (milliseconds > MOST_EXPIRES_IN) {
    throw new ConfigError('ERR_OPTION', 'Option handOff.expiresIn must not exceed 60s.')
  }
  if (!Array.isArray(sites)) throw new ConfigError('ERR_OPTION', 'Option handOff.sites must be a list.')
  return Object.freeze({
    callback: requireCallback(callback, 'handOff.callback'),
    sites: new Set(sites.map((site, index) => requireCallback(site, `handOff.sites[${index}]`))),
    expiresIn: milliseconds,
    fields: Object.freeze([...fields]),
  })
}

/** HTTPS, or HTTP on this machine for development; in the very spelling in which it is compared. */
function requireCallback(text: unknown, path: string): string {
  const url = typeof text === 'string' ? URL.parse(text) : null
  const plain = url === null ? '' : `${url.origin}${url.pathname}`
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(hostnameOf(url.host) ?? ''))
  if (isSafe && plain === text && !plain.includes('*')) return plain
  throw new ConfigError(
    'ERR_OPTION',
    `Option ${path} must be an address such as https://shop.example/hand-off: HTTPS, no query, no fragment.`,
  )
}
