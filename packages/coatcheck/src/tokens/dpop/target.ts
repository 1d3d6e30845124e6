/** What a proof's `htu` and a request's URL have to have in common. */
export interface Target {
  /** Scheme, host and port in lower case, without a default port. */
  readonly origin: string
  readonly path: string
}

/**
 * An http URL without its query and fragment, normalised by RFC 3986, 6.2.2 and 6.2.3: case, escapes, dot segments, default
 * port, empty path. `null` for anything else: a user name, blanks, what is not ASCII. Not the parser of browsers, which makes
 * slashes of backslashes and hosts of all kinds of texts.
 */
export function parseTarget(text: string): Target | null {
  const [, scheme = '', authority = '', path = ''] = ABSOLUTE.exec(text) ?? []
  const origin = originOf(scheme.toLowerCase(), authority.toLowerCase())
  return origin === null ? null : { origin, path: normalizePath(path) }
}

/** The same of a path alone, which begins with a slash or is empty. */
export function normalizePath(path: string): string {
  return withoutDotSegments(withUniformEscapes(path))
}

/** Printable ASCII; no `@` before the path. */
const ABSOLUTE = /^(https?):\/\/([!-"$-.0->A-[\]-~]+)((?:\/[!-"$->@-~]*)?)(?:[?#][!-~]*)?$/i
const AUTHORITY = /^(\[[\da-f:.]+\]|[^:[\]]+)(?::(\d{0,5}))?$/
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' }
const UNRESERVED = /[\w.~-]/

function originOf(scheme: string, authority: string): string | null {
  const [, host, port = ''] = AUTHORITY.exec(authority) ?? []
  if (host === undefined) return null
  const number = port === '' ? '' : String(Number(port))
  const shown = number === '' || number === DEFAULT_PORTS[scheme] ? '' : `:${number}`
  return `${scheme}://${withUniformEscapes(host).toLowerCase()}${shown}`
}

/** Escapes of what needs none undone, the others in capitals (RFC 3986, 6.2.2.1 and 6.2.2.2). */
function withUniformEscapes(text: string): string {
  return text.replace(/%[\da-f]{2}/gi, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return UNRESERVED.test(character) ? character : escaped.toUpperCase()
  })
}

/** RFC 3986, 5.2.4. */
function withoutDotSegments(path: string): string {
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, segment] of segments.entries()) {
    const isDots = segment === '.' || segment === '..'
    if (segment === '..') kept.pop()
    if (!isDots) kept.push(segment)
    else if (index === segments.length - 1) kept.push('')
  }
  return `/${kept.join('/')}`
}
