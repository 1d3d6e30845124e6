import type { Duration } from '../core/duration.ts'
import { fromBase64Url, toBase64Url, utf8 } from '../core/encoding.ts'
import type { JsonFields } from '../core/json.ts'
import { OneTimeRecords } from '../core/one-time.ts'
import { constantTimeEqual } from '../core/platform.ts'
import { type Cookie, findCookies, serializeCookie, serializeDeletion } from '../http/cookie.ts'
import { withoutTls } from '../http/cookie-options.ts'
import { safeRedirectPath } from '../http/redirects.ts'
import { parseStrictObject } from '../tokens/jwt/strict-json.ts'
import { type RelyingPartySettings, toSeconds } from './options.ts'

export interface BeginOptions {
  /** The request's `Cookie` header: sign-ins that were begun and never came back are tidied up. */
  readonly cookie?: string | undefined
  /** Path on this site to return to, from anywhere: what could lead elsewhere becomes `/`. */
  readonly returnTo?: string | undefined
  /** Greatest age of the user's proof; `0` asks for a new one. Default: any. */
  readonly maxAge?: Duration
  /** Level of the proof (`acr`). Default: any. */
  readonly level?: string
}

/** What was asked for when a sign-in was begun, and the values that follow from its secret. */
export interface Transaction {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** Seconds. */
  readonly maxAge: number | null
  readonly level: string | null
  readonly returnTo: string
}

/** A transaction and the cookie that it lies in. */
export interface Begun {
  readonly transaction: Transaction
  readonly setCookies: readonly string[]
}

export type Taken =
  | { readonly ok: true; readonly transaction: Transaction; readonly setCookies: readonly string[] }
  | {
      readonly ok: false
      readonly reason: 'not-begun' | 'expired' | 'used'
      readonly setCookies: readonly string[]
    }

/** Time to log in at the provider, in milliseconds. */
const PATIENCE = 600_000
/** Longer than a transaction is good on any node's clock. */
const REMEMBERED = 2 * PATIENCE

const SECRET_BYTES = 32
/** Characters of the state in the name of the cookie: several tabs may sign in at once. */
const NAMED = 16
/** Sign-ins under way in one browser: more are somebody's who fills the browser with cookies until no server takes its requests. */
const MOST = 8

const STATE = /^[\w-]{43}$/

/**
 * Sign-ins that were begun. Nothing is stored for one but a cookie in the browser that began it: a secret, and what was asked for.
 * State, nonce and PKCE verifier are MACs over it, so that nobody else can make them, and nobody can change what was asked for
 * (SSO-01).
 */
export class Transactions<D> {
  readonly #settings: RelyingPartySettings<D>
  readonly #used: OneTimeRecords

  constructor(settings: RelyingPartySettings<D>) {
    this.#settings = settings
    this.#used = new OneTimeRecords(settings.sessions.manager, 'sign-in')
  }

  async begin({ cookie = '', returnTo, maxAge, level }: BeginOptions): Promise<Begun> {
    const { manager } = this.#settings.sessions
    await manager.open()
    const { environment } = manager.settings
    const kept: Kept = {
      secret: toBase64Url(environment.randomBytes(SECRET_BYTES)),
      slot: manager.ring.currentSlot,
      startedAt: environment.now(),
      maxAge: maxAge === undefined ? null : toSeconds(maxAge, 'begin.maxAge'),
      level: level ?? null,
      returnTo: safeRedirectPath(returnTo),
    }
    const value = toBase64Url(utf8(JSON.stringify(kept)))
    const transaction = this.#transactionOf(kept, value)
    const own = serializeCookie(this.#cookie(transaction.state), value, PATIENCE)
    return { transaction, setCookies: [...this.#surplus(cookie), own] }
  }

  /** The transaction of this state, for the first who comes with it from the browser that began it. */
  async take(state: unknown, cookie: string): Promise<Taken> {
    if (typeof state !== 'string' || !STATE.test(state)) return refusal('not-begun', [])
    const { manager } = this.#settings.sessions
    await manager.open()
    const holder = this.#cookie(state)
    const transaction = this.#find(findCookies(cookie, holder.name), state)
    if (!transaction) return refusal('not-begun', [])
    const setCookies = [serializeDeletion(holder)]
    const age = manager.settings.environment.now() - transaction.startedAt
    if (age > PATIENCE) return refusal('expired', setCookies)
    if (!(await this.#used.first(this.#keyOf(state), REMEMBERED))) return refusal('used', setCookies)
    return { ok: true, transaction, setCookies }
  }

  #find(values: readonly string[], state: string): Transaction | null {
    for (const value of values) {
      const kept = parseKept(value)
      if (!kept || !this.#settings.sessions.manager.ring.has(kept.slot)) continue
      const transaction = this.#transactionOf(kept, value)
      if (constantTimeEqual(transaction.state, state)) return transaction
    }
    return null
  }

  #transactionOf(kept: Kept, value: string): Transaction {
    const { issuer, clientId, sessions } = this.#settings
    const macOf = (use: string) => {
      const parts = [issuer, clientId, value].map(utf8)
      return toBase64Url(sessions.manager.ring.mac(`sign-in ${use}`, kept.slot, ...parts))
    }
    const { startedAt, maxAge, level, returnTo } = kept
    const asked = { startedAt, maxAge, level, returnTo }
    return { state: macOf('state'), nonce: macOf('nonce'), codeVerifier: macOf('verifier'), ...asked }
  }

  #keyOf(state: string): string {
    return JSON.stringify([this.#settings.issuer, this.#settings.clientId, state])
  }

  /** Deletions of all but the youngest of the transactions that the browser holds. */
  #surplus(header: string): readonly string[] {
    const pattern = new RegExp(`(?:^|;)\\s*${this.#cookie('').name}([\\w-]{${NAMED}})=([\\w-]*)`, 'g')
    return [...header.matchAll(pattern)]
      .map(([, named = '', value = '']) => ({ named, startedAt: parseKept(value)?.startedAt ?? 0 }))
      .sort((a, b) => b.startedAt - a.startedAt)
      .slice(MOST - 1)
      .map(({ named }) => serializeDeletion(this.#cookie(named)))
  }

  #cookie(state: string): Cookie {
    const { redirectUri, sessions } = this.#settings
    const cookie = { ...COOKIE, name: `${COOKIE.name}-${state.slice(0, NAMED)}` }
    return redirectUri.startsWith('http:') && sessions.http.unsafeAllowHttp ? withoutTls(cookie) : cookie
  }
}

/** Sent along when the provider sends its visitor here, which `Strict` is not. */
const COOKIE: Cookie = Object.freeze({
  name: '__Host-sign-in',
  domain: null,
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'lax',
  partitioned: false,
})

interface Kept {
  readonly secret: string
  readonly slot: number
  readonly startedAt: number
  readonly maxAge: number | null
  readonly level: string | null
  readonly returnTo: string
}

/** What a cookie says, whoever wrote it: its MAC, the state, tells. */
function parseKept(value: string): Kept | null {
  const bytes = fromBase64Url(value)
  const kept: JsonFields | null = bytes && parseStrictObject(bytes)
  return kept && typeof kept.slot === 'number' && typeof kept.startedAt === 'number'
    ? (kept as unknown as Kept)
    : null
}

function refusal(reason: 'not-begun' | 'expired' | 'used', setCookies: readonly string[]): Taken {
  return { ok: false, reason, setCookies }
}
