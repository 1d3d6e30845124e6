import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type Connection, type Exchange, type ResponseHeaders, resolveConnection } from 'coatcheck'

/** Why a sub-request says nothing that could be answered: */
export type UnreadableRequest =
  /** its peer is no trusted proxy, or does not say where its client came from. */
  | 'untrusted-proxy'
  /** it does not say which method its client used, or says two. */
  | 'original-request'

/** How Envoy asks: with the client's method, and the client's path behind this one. */
export const PREFIX = '/forward-auth/'

/** A method that every origin check takes for unsafe: pages of other sites can open WebSockets (TRN-08). */
const UPGRADE = 'CONNECT'

/**
 * The request that a client has sent to a proxy, as the proxy describes it in its sub-request. Sessions are opened on it, so
 * that origin checks are about what the client did and not about what the proxy asks.
 */
export class OriginalRequest implements Exchange {
  readonly method: string
  /** Path and query as the client sent them, in printable ASCII. */
  readonly url: string
  readonly connection: Connection
  readonly response: ResponseHeaders = NOTHING_LEAVES
  readonly #request: IncomingMessage

  constructor(request: IncomingMessage, connection: Connection, described: Described) {
    this.#request = request
    this.connection = connection
    this.method = described.method
    this.url = printable(described.target)
  }

  header(name: string): string | undefined {
    return headerOf(this.#request.headers, name)
  }

  /** From the raw list: `headers` drops the second `Authorization`. */
  headerValues(name: string): readonly string[] {
    const { rawHeaders } = this.#request
    const values: string[] = []
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const raw = rawHeaders[i] ?? ''
      if (raw.length === name.length && raw.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '')
    }
    return values
  }

  /** Whether a person looks at what comes back, so that a login page is of use. */
  get isNavigation(): boolean {
    if (this.method !== 'GET' && this.method !== 'HEAD') return false
    const mode = this.header('sec-fetch-mode')
    if (mode !== undefined) return mode === 'navigate'
    return this.header('accept')?.includes('text/html') === true
  }
}

/** What a trusted proxy's headers say, or why they say too little. */
export function readOriginalRequest(
  request: IncomingMessage,
  trust: readonly string[],
): OriginalRequest | UnreadableRequest {
  const { headers, socket } = request
  const described = describe(request)
  const connection = resolveConnection(
    {
      encrypted: 'encrypted' in socket && socket.encrypted === true,
      host: headers.host,
      remoteAddress: socket.remoteAddress ?? null,
      header: (name) => described?.address?.[name] ?? headerOf(headers, name),
    },
    trust,
  )
  if (connection.proxy !== 'trusted') return 'untrusted-proxy'
  return described === null ? 'original-request' : new OriginalRequest(request, connection, described)
}

interface Described {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Forwarding headers that go before those that came. */
  readonly address?: Readonly<Record<string, string>>
}

function describe(request: IncomingMessage): Described | null {
  const { headers, url = '', method = '' } = request
  if (url.startsWith(PREFIX)) {
    return { method: methodOf(method, headers), target: url.slice(PREFIX.length - 1) }
  }
  const forwarded = headerOf(headers, 'x-forwarded-method')
  const original = headerOf(headers, 'x-original-method')
  const given = forwarded ?? original
  // Only one of the two comes from the proxy, and nobody knows which.
  if (given === undefined || (original !== undefined && original !== given)) return null
  const described = methodOf(given, headers)
  if (forwarded !== undefined) {
    return { method: described, target: headerOf(headers, 'x-forwarded-uri') ?? '/' }
  }
  return { method: described, ...addressOf(headerOf(headers, 'x-original-url')) }
}

function methodOf(given: string, headers: IncomingHttpHeaders): string {
  return 'sec-websocket-key' in headers || 'sec-websocket-version' in headers ? UPGRADE : given
}

/** `X-Original-URL` is a whole address with ingress-nginx, a path elsewhere. */
function addressOf(text = '/'): Pick<Described, 'target' | 'address'> {
  const match = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(text)
  if (match === null) return { target: text }
  const [, scheme = '', host = '', target = ''] = match
  return {
    target: target || '/',
    address: { 'x-forwarded-proto': scheme.toLowerCase(), 'x-forwarded-host': host },
  }
}

/** Headers are Latin-1; whatever is no printable ASCII gets escaped, byte for byte. */
function printable(target: string): string {
  const path = target.startsWith('/') ? target : `/${target}`
  return UNPRINTABLE.test(path) ? path.replaceAll(ALL_UNPRINTABLE, escaped) : path
}

const UNPRINTABLE = /[^!-~]/
const ALL_UNPRINTABLE = /[^!-~]/g

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** No cookie and no cache header of the session's own goes to the client from here. */
const NOTHING_LEAVES: ResponseHeaders = Object.freeze({
  sent: true,
  get: () => undefined,
  set: () => {},
  setCookies: () => [],
  appendSetCookie: () => {},
  replaceSetCookies: () => {},
})
