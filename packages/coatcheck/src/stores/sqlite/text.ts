import { DamagedValue } from './failures.ts'

/** Before a string that is kept as JSON; a plain one that begins with it is escaped too. */
const ESCAPE = '\0'

/**
 * The application's own strings as SQLite can keep them. Its text is UTF-8, in which all lone surrogates would become
 * the same character, and so two different users one: an ill-formed string goes in as JSON behind a NUL.
 */
export function toText(value: string): string
export function toText(value: string | null): string | null
export function toText(value: string | null): string | null {
  if (value === null || (value.isWellFormed() && value[0] !== ESCAPE)) return value
  return ESCAPE + JSON.stringify(value)
}

/** Inverse of `toText`. */
export function fromText(text: string): string
export function fromText(text: string | null): string | null
export function fromText(text: string | null): string | null {
  if (text === null || text[0] !== ESCAPE) return text
  const value = parseJson(text.slice(1))
  if (typeof value !== 'string') throw new DamagedValue('A text is neither plain nor escaped.')
  return value
}

/** The value of a JSON column. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new DamagedValue('A column of JSON holds something else.', { cause })
  }
}
