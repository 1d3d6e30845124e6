import { pageAddress } from './platform.ts'

/** The address below which credentials are sent: `https://shop.example/api/`. Throws `TypeError` where it is none. */
export function resolveBase(baseUrl: string | URL): URL {
  const base = parse(baseUrl)
  if (base && !base.pathname.endsWith('/')) base.pathname += '/'
  if (base && /^https?:$/.test(base.protocol) && !base.search && isBelow(base, base)) return base
  throw new TypeError('baseUrl is no http(s) address.')
}

function parse(baseUrl: string | URL): URL | null {
  try {
    return new URL(baseUrl, pageAddress())
  } catch {
    return null
  }
}

/**
 * Whether a credential may be sent there: the very origin, and a path below the base's that no server can read in another
 * way than it is written (CLI-03). `url` is parsed already, so that `..` and `%2e%2e` are gone.
 */
export function isBelow(base: URL, url: URL): boolean {
  const path = url.pathname
  return (
    url.origin === base.origin &&
    !url.username &&
    !url.password &&
    (path.startsWith(base.pathname) || `${path}/` === base.pathname) &&
    isPlain(path)
  )
}

/** No escaped or doubled separator, none with a parameter after dots, escaped once or twice. */
function isPlain(path: string): boolean {
  return !/%(?:25)*(?:2f|5c|2e)|\/\/|\\|\/\.{1,2};/i.test(path)
}

/** A path of the client's own below the base; throws `TypeError` where it leaves it. */
export function resolveOwn(base: URL, path: string): URL {
  const url = new URL(path, base)
  if (isBelow(base, url)) return url
  throw new TypeError('A path is not below baseUrl.')
}
