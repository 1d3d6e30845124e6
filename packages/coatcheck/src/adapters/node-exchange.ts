import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Connection, Exchange, ResponseHeaders } from '../http/exchange.ts'
import { resolveConnection, type TrustProxy } from '../http/trusted-proxies.ts'

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
  const { headers } = request
  const peer = {
    encrypted: isEncrypted(request),
    // Where HTTP/2 has both, `:authority` is the one that counts (RFC 9113, 8.3.1).
    host: headers[':authority']?.toString() ?? headers.host,
    remoteAddress: request.socket.remoteAddress ?? null,
    header: (name: string) => headerOf(request, name),
  }
  return resolveConnection(peer, trust)
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

function headerOf({ headers }: NodeRequest, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

function isEncrypted({ socket }: NodeRequest): boolean {
  return 'encrypted' in socket && socket.encrypted === true
}
