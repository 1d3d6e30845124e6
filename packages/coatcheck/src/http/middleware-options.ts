import { ConfigError } from '../core/errors.ts'
import { assertKnownKeys, oneOf } from '../core/option-checks.ts'

/** The names that the options of a middleware may have, each with the words that it may be, or `null` for other values. */
export type KnownOptions = Readonly<Record<string, readonly string[] | null>>

/** What every adapter's middleware may be told. */
export const MIDDLEWARE_OPTIONS: KnownOptions = Object.freeze({
  property: null,
  mode: ['full', 'read', 'peek'],
})

/** For adapters, at construction: `ERR_OPTION` for a name that nothing reads, and for a word that is none of those listed. */
export function assertMiddlewareOptions(options: object, path: string, known: KnownOptions): void {
  assertKnownKeys(options, Object.keys(known), path)
  for (const [name, words] of Object.entries(known)) {
    const value: unknown = Reflect.get(options, name)
    if (words !== null && value !== undefined) oneOf(value as string, words, `${path}.${name}`)
  }
}

/** For adapters that are given the sessions as an option, which code that is not typed may forget. */
export function assertSessions(sessions: unknown, path: string): void {
  if (typeof sessions === 'object' && sessions !== null && 'manager' in sessions) return
  throw new ConfigError('ERR_OPTION', `Option ${path} must be what createSessions answered.`)
}
