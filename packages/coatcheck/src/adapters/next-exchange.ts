import { type Connection, type Exchange, isForwarded, type ResponseHeaders } from '../http/exchange.ts'
import { resolveConnection } from '../http/trusted-proxies.ts'

/** What `headers()` of Next answers, as far as sessions need it. */
export interface RequestHeaders {
  get(name: string): string | null
}

/** What Next does not tell of a request. */
export interface NextPlatform {
  /**
   * How many proxies stand before Next, each of which adds its client's address to `X-Forwarded-For` and sets
   * `X-Forwarded-Proto` and `-Host`. Nobody may reach Next past them. Default 0: nothing that those headers say counts.
   */
  readonly trustProxy?: number
  /** How the request came in, where the platform says it otherwise, by headers of its own. Goes before everything else. */
  readonly connection?: (headers: RequestHeaders) => Partial<Connection>
}

/** A request as Next shows it to components and actions: by its headers alone. */
export class NextExchange implements Exchange {
  readonly method: string
  /** Next shows it to nobody but route handlers. */
  readonly url = '/'
  readonly response: ResponseHeaders
  /** What the action was called with. */
  form: FormData | null = null
  readonly #headers: RequestHeaders
  readonly #platform: NextPlatform
  #cookie: string | null | undefined
  #connection: Connection | null = null

  constructor(method: string, headers: RequestHeaders, response: ResponseHeaders, platform: NextPlatform) {
    this.method = method
    this.response = response
    this.#headers = headers
    this.#platform = platform
  }

  get connection(): Connection {
    this.#connection ??= connectionOf(this.#headers, this.#platform)
    return this.#connection
  }

  header(name: string): string | undefined {
    const value = name === 'cookie' && this.#cookie !== undefined ? this.#cookie : this.#headers.get(name)
    return value ?? undefined
  }

  headerValues(name: string): readonly string[] {
    const value = this.header(name)
    return value === undefined ? [] : [value]
  }

  formField(name: string): string | undefined {
    const value = this.form?.get(name)
    return typeof value === 'string' ? value : undefined
  }

  /** Shows another `Cookie` than the request's: what an action of this very request has set. */
  replaceCookie(cookie: string | null): void {
    this.#cookie = cookie
  }
}

/**
 * How a request came in. Next fills in the forwarding headers that are absent, and hides the socket; so whatever they say
 * may come from anybody, and counts as far as `trustProxy` goes. Without it they only make things stricter: a client
 * elsewhere does not count as this machine.
 */
export function connectionOf(headers: RequestHeaders, platform: NextPlatform): Connection {
  const { trustProxy = 0, connection } = platform
  const header = (name: string) => headers.get(name) ?? undefined
  const peer = { encrypted: false, host: header('host'), remoteAddress: null, header }
  const resolved =
    trustProxy > 0 ? resolveConnection(peer, (_address, hop) => hop < trustProxy) : untrusted(header)
  return connection ? { ...resolved, ...connection(headers) } : resolved
}

function untrusted(header: (name: string) => string | undefined): Connection {
  const host = header('host')
  const nearest = header('x-forwarded-for')?.split(',').at(-1)?.trim()
  // What Next has filled in says nothing else than the request itself.
  const filledIn = header('x-forwarded-proto') === 'http' && header('x-forwarded-host') === host
  const forwarded = isForwarded({ header }) && !(filledIn && header('forwarded') === undefined)
  return {
    encrypted: false,
    host,
    remoteAddress: nearest || null,
    address: null,
    proxy: forwarded ? 'untrusted-headers' : 'none',
  }
}

/**
 * Whether a browser only prepares for a page that may never be looked at. Next shows nobody what its own router prefetches:
 * that counts as activity of somebody who has just opened the page with the link.
 */
export function isPrefetch(headers: RequestHeaders): boolean {
  const purpose = headers.get('sec-purpose') ?? headers.get('purpose') ?? ''
  return purpose.includes('prefetch')
}
