import { UsageError } from '../core/errors.ts'

/** Longest return-to target, in characters. */
const MAX_TARGET = 2_048

const BASE = 'https://base.invalid'

/**
 * The target if it is a path on this very origin, else the fallback. For "return to" parameters, which anybody can put
 * into a link (LIO-10). Whatever a browser, a router or a proxy could read as another host is refused rather than
 * repaired: two slashes in front, also once dot segments are gone, backslashes, blanks, control characters and their escapes in the path.
 * The answer is the target's own text, never a normalised one, since `/.//evil.example` normalises to another host.
 */
export function safeRedirectPath(target: unknown, fallback = '/'): string {
  if (!isSafePath(fallback))
    throw new UsageError(
      'ERR_USAGE',
      'The fallback of safeRedirectPath must be a path on this origin such as /home.',
    )
  return isSafePath(target) ? target : fallback
}

function isSafePath(target: unknown): target is string {
  if (typeof target !== 'string' || target.length > MAX_TARGET) return false
  if (!PATH_ABSOLUTE.test(target) || HIDDEN_IN_PATH.test(target)) return false
  const url = URL.parse(target, BASE)
  // A path that starts with two slashes once its dot segments are gone would be another host to whoever removes them.
  return url !== null && url.origin === BASE && !url.pathname.startsWith('//')
}

/** One slash, then neither slash nor backslash, then printable ASCII without backslash. */
const PATH_ABSOLUTE = /^\/(?!\/)[!-[\]-~]*$/

/** Before any `?` or `#`: an escaped control character or backslash; an escaped slash right at the start. */
const HIDDEN_IN_PATH = /^(?:\/%2f|[^?#]*%(?:[01][\da-f]|5c|7f))/i
