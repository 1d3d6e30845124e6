import { UsageError } from '../core/errors.ts'

/** A scope by RFC 6749, section 3.3: words of printable ASCII without quotes and backslashes. */
const WORD = /^[\x21\x23-\x5b\x5d-\x7e]+$/

const MAX_WORDS = 100

/** The words of a scope, each once; `null` for a text that is no scope. */
export function parseScope(text: string): readonly string[] | null {
  const words = [...new Set(text.split(' ').filter((word) => word !== ''))]
  return words.length <= MAX_WORDS && words.every((word) => WORD.test(word)) ? words : null
}

/** The words of a scope that the application gives, as a text or a list; none for `undefined`. Throws `ERR_USAGE` for what is no scope. */
export function toScope(scope: string | readonly string[] | undefined): readonly string[] {
  const words = parseScope(typeof scope === 'string' ? scope : (scope ?? []).join(' '))
  if (words) return words
  throw new UsageError(
    'ERR_USAGE',
    `A scope is at most ${MAX_WORDS} words of printable ASCII without quotes and backslashes.`,
  )
}

/** The audiences that the application gives, each once. Throws `ERR_USAGE` for none. */
export function toAudiences(audience: string | readonly string[]): readonly string[] {
  const all = [...new Set(typeof audience === 'string' ? [audience] : audience)]
  if (all.length > 0 && all.every((one) => typeof one === 'string' && one !== '')) return all
  throw new UsageError('ERR_USAGE', 'An access token needs an audience: the service that it is for.')
}

/**
 * What is asked for, where all of it was granted; `null` where some was not, and all that was granted where nothing in
 * particular is asked for (RT-05: narrower, never wider).
 */
export function narrowed(
  granted: readonly string[],
  asked: readonly string[] | undefined,
): readonly string[] | null {
  if (asked === undefined || asked.length === 0) return granted
  return asked.every((word) => granted.includes(word)) ? asked : null
}
