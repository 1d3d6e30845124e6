/** Before a string that is kept as JSON; a plain one that begins with it is escaped too. */
const ESCAPE = '\u0001'

/**
 * The application's own strings as PostgreSQL can keep them. Its text holds no NUL and no lone surrogate: such a string
 * goes in as JSON behind a control character.
 */
export function toText(value: string): string
export function toText(value: string | null): string | null
export function toText(value: string | null): string | null {
  if (value === null || (value.isWellFormed() && value[0] !== ESCAPE && !value.includes('\0'))) return value
  return ESCAPE + JSON.stringify(value)
}

/** Inverse of `toText`. */
export function fromText<T extends string>(text: T): T
export function fromText<T extends string>(text: T | null): T | null
export function fromText<T extends string>(text: T | null): T | null {
  if (text === null || text[0] !== ESCAPE) return text
  return JSON.parse(text.slice(1)) as T
}
