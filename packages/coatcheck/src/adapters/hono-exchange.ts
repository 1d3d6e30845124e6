import type { Context } from 'hono'
import type { Connection, Exchange, ResponseHeaders } from '../http/exchange.ts'
import { resolveConnection, type TrustProxy } from '../http/trusted-proxies.ts'

/** What Hono, which runs on many platforms, does not tell of a request. */
export interface HonoPlatform {
  /**
   * Address of the connection's other end, as `getConnInfo` of the platform knows it; where a platform reports its
   * client instead, that one. Default: the socket's under `@hono/node-server`, else unknown.
   */
  readonly clientAddress?: (context: Context) => string | null | undefined
  /** Proxies whose `X-Forwarded-*` headers count; goes by `clientAddress`. Default none. */
  readonly trustProxy?: TrustProxy
  /** How the request came in, where neither its URL nor a trusted proxy says it. Goes before everything else. */
  readonly connection?: (context: Context) => Partial<Connection>
}

/** A request of Hono's as an exchange. */
export class HonoExchange<H extends ResponseHeaders = ResponseHeaders> implements Exchange {
  readonly response: H
  readonly #context: Context
  readonly #platform: HonoPlatform
  #connection: Connection | null = null

  constructor(context: Context, response: H, platform: HonoPlatform) {
    this.response = response
    this.#context = context
    this.#platform = platform
  }

  get method(): string {
    return this.#context.req.method
  }

  get url(): string {
    return targetOf(this.#context.req.url)
  }

  get connection(): Connection {
    this.#connection ??= this.#connect()
    return this.#connection
  }

  header(name: string): string | undefined {
    return this.#context.req.raw.headers.get(name) ?? undefined
  }

  /** `Headers` has joined what came several times, those of `@hono/node-server` too. */
  headerValues(name: string): readonly string[] {
    const value = this.header(name)
    return value === undefined ? [] : [value]
  }

  #connect(): Connection {
    const { clientAddress = socketAddress, trustProxy, connection } = this.#platform
    const { url } = this.#context.req
    const start = url.indexOf('//') + 2
    const peer = {
      encrypted: url.startsWith('https:'),
      host: url.slice(start, url.indexOf('/', start)),
      remoteAddress: clientAddress(this.#context) ?? null,
      header: (name: string) => this.header(name),
    }
    const resolved = resolveConnection(peer, trustProxy)
    return connection ? { ...resolved, ...connection(this.#context) } : resolved
  }
}

/** Path and query of a request's URL, which is absolute on every platform. */
export function targetOf(url: string): string {
  return url.slice(url.indexOf('/', url.indexOf('//') + 2))
}

/** The headers of the response that the handlers have made. */
export class HonoResponseHeaders implements ResponseHeaders {
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

/** The bindings that `@hono/node-server` gives to handlers, as far as sessions need them. */
export interface NodeBindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } }
  readonly outgoing?: NodeOutgoing
}

interface NodeOutgoing {
  readonly closed: boolean
  once(event: 'close', listener: () => void): unknown
}

/** What `@hono/node-server` tells, `undefined` on other platforms. */
export function nodeBindings({ env }: Context): NodeBindings | undefined {
  const bindings: (NodeBindings & { readonly server?: NodeBindings }) | undefined = env
  return bindings?.server ?? bindings
}

function socketAddress(context: Context): string | undefined {
  return nodeBindings(context)?.incoming?.socket?.remoteAddress
}
