import { type Connection, type Exchange, isForwarded, type ResponseHeaders } from '../http/exchange.ts'

/** What the platform knows of a request that a `Request` does not tell. */
export interface FetchPlatform {
  /** The client's address, after whatever proxies the platform trusts. */
  readonly clientAddress?: string
  /** How the request came in, where its URL does not say it. Default: scheme and host of the URL. */
  readonly connection?: Partial<Connection>
}

/** A `Request`, and the `Response` to be, as an exchange. */
export class FetchExchange implements Exchange {
  readonly method: string
  readonly response: FetchResponseHeaders = new FetchResponseHeaders()
  readonly #request: Request
  readonly #platform: FetchPlatform
  #parsed: URL | null = null
  #connection: Connection | null = null

  constructor(request: Request, platform: FetchPlatform) {
    this.method = request.method
    this.#request = request
    this.#platform = platform
  }

  get url(): string {
    const { pathname, search } = this.#url
    return `${pathname}${search}`
  }

  get connection(): Connection {
    this.#connection ??= this.#connect()
    return this.#connection
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined
  }

  /** `Headers` has joined what came several times. */
  headerValues(name: string): readonly string[] {
    const value = this.#request.headers.get(name)
    return value === null ? [] : [value]
  }

  get #url(): URL {
    this.#parsed ??= new URL(this.#request.url)
    return this.#parsed
  }

  #connect(): Connection {
    const { protocol, host } = this.#url
    const { clientAddress = null, connection } = this.#platform
    return {
      encrypted: protocol === 'https:',
      host,
      remoteAddress: clientAddress,
      address: clientAddress,
      // The platform has made the URL from what it trusts; headers that it left alone are those that it does not.
      proxy: isForwarded(this) ? 'untrusted-headers' : 'none',
      ...connection,
    }
  }
}

/** The headers of a `Response` that the handler returns in the end: there is nothing to read or set before. */
export class FetchResponseHeaders implements ResponseHeaders {
  #response: Response | null = null
  #headers: Headers | null = null
  sent = false

  /** The response whose headers are about to leave. */
  prepare(response: Response): void {
    this.#response = response
    this.#headers = null
  }

  /** The prepared response with what was set; another one where its own headers were not to be changed. */
  take(): Response {
    const response = this.#prepared
    if (this.#headers === null || this.#headers === response.headers) return response
    const { status, statusText } = response
    // A network error, or an upgrade of the platform's: no Response can be made with such a status.
    if (status < 200) return response
    return new Response(response.body, { status, statusText, headers: this.#headers })
  }

  get(name: string): string | undefined {
    return this.#readable.get(name) ?? undefined
  }

  set(name: string, value: string): void {
    if (this.#headers !== null || !IN_PLACE.has(name) || !setIn(this.#prepared.headers, name, value)) {
      this.#copy.set(name, value)
    }
  }

  setCookies(): readonly string[] {
    return this.#readable.getSetCookie()
  }

  appendSetCookie(value: string): void {
    this.#copy.append('set-cookie', value)
  }

  replaceSetCookies(values: readonly string[]): void {
    const headers = this.#copy
    headers.delete('set-cookie')
    for (const value of values) headers.append('set-cookie', value)
  }

  get #prepared(): Response {
    if (this.#response) return this.#response
    throw new TypeError('No response has been prepared.')
  }

  get #readable(): Headers {
    return this.#headers ?? this.#prepared.headers
  }

  /** A response may be a constant that answers many requests, under `@hono/node-server` even one with a body: a cookie put on it would go to everybody. */
  get #copy(): Headers {
    this.#headers ??= new Headers(this.#prepared.headers)
    return this.#headers
  }
}

/** Headers that are no secret, and only make a response less cacheable: they may stay on a constant. */
const IN_PLACE: ReadonlySet<string> = new Set(['vary', 'cache-control'])

/** Whether it could be done: headers of `Response.redirect()` and of responses that `fetch` got cannot be changed; only trying tells. */
function setIn(headers: Headers, name: string, value: string): boolean {
  try {
    headers.set(name, value)
    return true
  } catch {
    return false
  }
}
