import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Connection, Exchange, ResponseHeaders } from '../http/exchange.ts'
import { type Peer, resolveConnection, type TrustProxy } from '../http/trusted-proxies.ts'

/** Requests of `node:http`, `node:https` and the compatibility API of `node:http2`. */
export type NodeRequest = IncomingMessage | Http2ServerRequest
export type NodeResponse = ServerResponse | Http2ServerResponse

/** What frameworks on top of Node's server know better than its request object. */
export interface NodePlatform {
  /** The request's target as received, also where a router shows its handlers a part of it. */
  readonly url: string | undefined
  /** How the request came in, as far as proxies are trusted. */
  connect(): Connection
  formField?(name: string): string | undefined
}

/** A request of Node's as an exchange. */
export class NodeExchange implements Exchange {
  readonly response: ResponseHeaders
  readonly #request: NodeRequest
  readonly #platform: NodePlatform
  #connection: Connection | null = null

  constructor(request: NodeRequest, response: ResponseHeaders, platform: NodePlatform) {
    this.#request = request
    this.response = response
    this.#platform = platform
  }

  get method(): string {
    return this.#request.method ?? ''
  }

  get url(): string {
    return this.#platform.url ?? ''
  }

  /** Read once, since a socket forgets its other end when it is closed. */
  get connection(): Connection {
    this.#connection ??= this.#platform.connect()
    return this.#connection
  }

  header(name: string): string | undefined {
    return headerOf(this.#request, name)
  }

  formField(name: string): string | undefined {
    return this.#platform.formField?.(name)
  }

  /** From the raw list: `headers` drops the second `Authorization` and joins most others. */
  headerValues(name: string): readonly string[] {
    const { rawHeaders } = this.#request
    const values: string[] = []
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const raw = rawHeaders[i] ?? ''
      // Most are told apart by their length, which costs no copy.
      if (raw.length === name.length && raw.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '')
    }
    return values
  }
}

/** How a request came in over its own socket, with the word of proxies as far as `trust` goes. */
export function connectionOf(request: NodeRequest, trust: TrustProxy | undefined): Connection {
  return resolveConnection(new NodePeer(request), trust)
}

/** What a socket of Node's shows of its other end, and the request that came over it. */
export class NodePeer implements Peer {
  readonly #request: NodeRequest

  constructor(request: NodeRequest) {
    this.#request = request
  }

  get encrypted(): boolean {
    const { socket } = this.#request
    return 'encrypted' in socket && socket.encrypted === true
  }

  /** Where HTTP/2 has both, `:authority` is the one that counts (RFC 9113, 8.3.1). */
  get host(): string | undefined {
    const { headers } = this.#request
    return headers[':authority']?.toString() ?? headers.host
  }

  get remoteAddress(): string | null {
    return this.#request.socket.remoteAddress ?? null
  }

  header(name: string): string | undefined {
    return headerOf(this.#request, name)
  }
}

/** The headers of a response of Node's. */
export class NodeResponseHeaders implements ResponseHeaders {
  readonly #response: NodeResponse

  constructor(response: NodeResponse) {
    this.#response = response
  }

  get sent(): boolean {
    return haveHeadersLeft(this.#response)
  }

  get(name: string): string | undefined {
    const value = this.#response.getHeader(name)
    return Array.isArray(value) ? value.join(', ') : value?.toString()
  }

  set(name: string, value: string): void {
    this.#response.setHeader(name, value)
  }

  setCookies(): readonly string[] {
    const value = this.#response.getHeader('set-cookie')
    return value === undefined ? [] : [value].flat().map(String)
  }

  appendSetCookie(value: string): void {
    this.replaceSetCookies([...this.setCookies(), value])
  }

  replaceSetCookies(values: readonly string[]): void {
    if (values.length === 0) this.#response.removeHeader('set-cookie')
    else this.#response.setHeader('Set-Cookie', [...values])
  }
}

/** Property of a response with a `headersSent` of its own for the application. */
export const SHOWN_AS_SENT = Symbol('shown as sent')

/** What `headersSent` says of the platform's own accord: while calls wait, a gate answers `true` to the application. */
export function haveHeadersLeft(response: NodeResponse & { readonly [SHOWN_AS_SENT]?: boolean }): boolean {
  if (response[SHOWN_AS_SENT] !== true) return response.headersSent
  return Reflect.get(Object.getPrototypeOf(response), 'headersSent', response) === true
}

/**
 * The names that are asked for at every request are spelt out: V8 finds a property that is not there by a name that it
 * knows in a few nanoseconds, and by one that varies in a hundred and more, eight times a request.
 */
function headerOf({ headers }: NodeRequest, name: string): string | undefined {
  switch (name) {
    case 'cookie':
      return headers.cookie
    case 'authorization':
      return headers.authorization
    case 'x-api-key':
      return joined(headers['x-api-key'])
    case 'x-forwarded-proto':
      return joined(headers['x-forwarded-proto'])
    case 'x-forwarded-host':
      return joined(headers['x-forwarded-host'])
    case 'x-forwarded-for':
      return joined(headers['x-forwarded-for'])
    case 'forwarded':
      return headers.forwarded
    default:
      return joined(headers[name])
  }
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value.join(', ') : value
}
