import type { ExpiringSoon, Remaining } from './countdown.ts'
import type { Fetch } from './outgoing.ts'
import type { ClientEnvironment } from './platform.ts'
import type { SessionEnd, SessionLife } from './session-life.ts'

/** What both modes have in common. */
export interface Client {
  /**
   * As the global `fetch`, relative addresses against `baseUrl`. To targets below `baseUrl` it adds what authenticates,
   * follows no redirect with it, and repeats a request once whose credential was refused and could be replaced. All other
   * requests go out as they are.
   */
  readonly fetch: Fetch
  /** Whether a session is alive as far as is known; `null` before anything was heard of one. */
  readonly isSignedIn: boolean | null
  /** Whole seconds left as the server told, counted on; `null` where nothing is known. */
  readonly remaining: Remaining | null
  /** Tells once when the session has ended, whoever ended it. Clear what the page knows of its user then. Returns what unsubscribes. */
  onEnd(listener: (end: SessionEnd) => void): () => void
  /**
   * Tells when the session is about to end unless it is used: `within` that many seconds (default 120). Again, once it was
   * used and comes close again. Returns what unsubscribes.
   */
  onExpiringSoon(listener: (soon: ExpiringSoon) => void, options?: { readonly within?: number }): () => void
  /**
   * Ends the session: here and in other tabs at once, on the server as soon as it can be reached. Answers whether the server
   * has confirmed it; where not, it is asked again when the network comes back and before the next request.
   */
  logout(): Promise<boolean>
  /** Releases timers and channels; the session goes on. */
  close(): void
}

export interface CommonOptions {
  /**
   * Where credentials may go: this origin, and paths below this one, nowhere else. Relative to the page; on a server it
   * must be absolute. Such as `/api/`.
   */
  readonly baseUrl: string | URL
  /** Path below `baseUrl` that a logout posts to. Default `'logout'`. */
  readonly logoutPath?: string
  /** Whether tabs and workers of the same origin and `baseUrl` share what they know. Default true; never on a server. */
  readonly share?: boolean
  /** Default: the global `fetch`. On a server, one that forwards the cookie of the request that is rendered. */
  readonly fetch?: Fetch
  /** Default: the clock and the timers of the machine. For tests. */
  readonly environment?: ClientEnvironment
}

const DEFAULT_WITHIN = 120

type Common = 'isSignedIn' | 'remaining' | 'onEnd' | 'onExpiringSoon'

/** A client of what knows the session's life and what a mode does by itself. Closures, so that members may be taken off. */
export function clientOf<Mode extends Client>(life: SessionLife, own: Omit<Mode, Common>): Mode {
  const common: Pick<Client, Common> = {
    get isSignedIn() {
      return life.isLive
    },
    get remaining() {
      return life.countdown.remaining
    },
    onEnd: (listener) => life.onEnd(listener),
    onExpiringSoon: (listener, { within = DEFAULT_WITHIN } = {}) => life.countdown.listen(listener, within),
  }
  return Object.assign(common, own) as unknown as Mode
}

/** The global one, called as the method it is. */
export const globalFetch: Fetch = (input, init) => fetch(input, init)
