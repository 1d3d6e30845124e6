/**
 * One request and its response, as little of them as sessions need. An adapter translates its framework's objects into
 * this and does nothing else; everything in `http` works on it. Members may be getters: nothing is read twice on the
 * hot path, and most are not read at all for a request without a session.
 */
export interface Exchange {
  /** As received: methods are case-sensitive, so `get` is not `GET`. */
  readonly method: string
  /** Path and query as received, never decoded or normalised: `/cart?from=%2F`. An absolute-form target is accepted too. */
  readonly url: string
  readonly connection: Connection
  readonly response: ResponseHeaders
  /**
   * The value of a request header by its lower-case name, `undefined` where it is absent. Several fields are joined
   * with `', '`, those of `cookie` with `'; '` (HTTP/2 splits them).
   */
  header(name: string): string | undefined
  /**
   * Each field of that name by itself, in order; empty where it is absent. A platform that has already joined them
   * answers with the joined value alone; one that drops repetitions (`req.headers.authorization` of node:http) must
   * answer from the raw list, or a second `Authorization` goes unseen.
   */
  headerValues(name: string): readonly string[]
  /**
   * A field of a form body that the framework parsed *before* sessions came to see the request; `undefined` otherwise.
   * Nothing reads a body on its own account.
   */
  formField?(name: string): string | undefined
}

/** How the request came in. What a proxy reports counts as far as the framework's own proxy setting trusts it, never further. */
export interface Connection {
  /** Whether the client's request used TLS: this socket, or the scheme that a trusted proxy reports. */
  readonly encrypted: boolean
  /** Host and port that the client asked for (`Host`, `:authority`, or a trusted proxy's word), as received. */
  readonly host: string | undefined
  /** Address of the socket's other end, whoever that is; `null` where the platform does not tell. */
  readonly remoteAddress: string | null
  /** Address of the client after proxy trust; `null` where it is unknown. */
  readonly address: string | null
  /** `untrusted-headers`: forwarding headers came from somebody whom the framework does not trust; they changed nothing. */
  readonly proxy: 'none' | 'trusted' | 'untrusted-headers'
}

/**
 * The headers of the response to be. Reads see what the application has set so far; the changes of ours are made last,
 * just before the headers leave. Setting anything while `sent` throws what the platform throws.
 */
export interface ResponseHeaders {
  /** Whether the headers have left, so that nothing can be set any more. */
  readonly sent: boolean
  /** By case-insensitive name; several values joined with `', '`. Not for `set-cookie`. */
  get(name: string): string | undefined
  /** Replaces all values of that name. Not for `set-cookie`. */
  set(name: string, value: string): void
  /** Every `Set-Cookie` so far, the application's own among them, in order. */
  setCookies(): readonly string[]
  appendSetCookie(value: string): void
  /** Puts exactly these in the place of every `Set-Cookie` so far. */
  replaceSetCookies(values: readonly string[]): void
}

/** For adapters: whether any header is there that speaks for a proxy, trusted or not. */
export function isForwarded(request: Pick<Exchange, 'header'>): boolean {
  // Each by itself: this is asked for every request, and a loop over names costs several times as much.
  return (
    request.header('x-forwarded-proto') !== undefined ||
    request.header('x-forwarded-host') !== undefined ||
    request.header('x-forwarded-for') !== undefined ||
    request.header('forwarded') !== undefined
  )
}

/** The path of a request's `url`, without query, still encoded; of an absolute-form target its path too. */
export function pathOf(url: string): string {
  const query = url.indexOf('?')
  const target = query === -1 ? url : url.slice(0, query)
  if (target.startsWith('/')) return target
  const scheme = target.indexOf('://')
  if (scheme === -1) return target
  const path = target.indexOf('/', scheme + 3)
  return path === -1 ? '/' : target.slice(path)
}
