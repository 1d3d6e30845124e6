import type { Remaining } from './countdown.ts'
import { openStorage, type TextStorage } from './platform.ts'

/** What a token endpoint answers with (RFC 6749, section 5.1). */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: string
  /** Seconds that the access token lives. */
  readonly expires_in?: number
  readonly refresh_token?: string
  /** Seconds until the session ends in any case, as the token endpoint of `coatcheck/tokens` tells. */
  readonly refresh_token_expires_in?: number
}

/** Where tokens survive a reload of the page: nowhere; for this tab alone; for whoever reads the disk or runs a script, ever. */
export type TokenStorage = 'memory' | 'sessionStorage' | 'unsafeLocalStorage'

/** The tokens of one sign-in. */
export interface Tokens {
  /** Names the sign-in; the same through all refreshes. */
  readonly line: string
  /** How often they were refreshed since. */
  readonly turn: number
  readonly access: string
  readonly isDpop: boolean
  readonly refresh: string | null
  /** Monotonic instant at which the access token is to be replaced; infinite where its end is not known. */
  readonly expiresAt: number
}

/** As they travel between clocks that have nothing in common: `expiresAt` means nothing to the receiver. */
export interface SentTokens extends Tokens {
  /** Milliseconds until it is to be replaced. */
  readonly left: number
  readonly remaining: Remaining | null
}

/** Share of an access token's life, and most milliseconds, before its end at which it is replaced. */
const EARLY_SHARE = 0.1
const EARLY_MOST = 10_000

export function fromResponse(
  response: TokenResponse,
  now: number,
  line: string,
  before: Tokens | null,
): Tokens {
  const life =
    typeof response.expires_in === 'number' ? response.expires_in * 1_000 : Number.POSITIVE_INFINITY
  return {
    line,
    turn: (before?.turn ?? -1) + 1,
    access: response.access_token,
    isDpop: /^dpop$/i.test(response.token_type),
    refresh: response.refresh_token ?? before?.refresh ?? null,
    expiresAt: now + life - Math.min(life * EARLY_SHARE, EARLY_MOST),
  }
}

/** What the response tells of the session's own time; of use, its refreshes are what counts. */
export function remainingOf({ refresh_token_expires_in: left }: TokenResponse): Remaining | null {
  return typeof left === 'number' ? { idle: left, absolute: left } : null
}

const STORAGES = {
  memory: null,
  sessionStorage: 'sessionStorage',
  unsafeLocalStorage: 'localStorage',
} as const

/** Keeps tokens over a reload where the application has chosen so. The end of the access token is forgotten: a 401 tells it. */
export class TokenKeeper {
  readonly #storage: TextStorage | null
  readonly #key: string

  constructor(choice: TokenStorage, key: string) {
    const kind = STORAGES[choice]
    if (kind === undefined) throw new TypeError('tokenStorage is unknown.')
    this.#key = key
    this.#storage = kind && openStorage(kind)
  }

  load(): Tokens | null {
    try {
      const found = JSON.parse(this.#storage?.getItem(this.#key) ?? 'null') as Tokens | null
      return found && { ...found, expiresAt: Number.POSITIVE_INFINITY }
    } catch {
      return null
    }
  }

  save(tokens: Tokens | null): void {
    try {
      if (tokens) this.#storage?.setItem(this.#key, JSON.stringify(tokens))
      else this.#storage?.removeItem(this.#key)
    } catch {
      // Full or forbidden: they live in memory, as they do by default.
    }
  }
}
