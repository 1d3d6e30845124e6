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
