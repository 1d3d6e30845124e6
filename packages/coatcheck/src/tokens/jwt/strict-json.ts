import type { Json, JsonFields } from '../../core/json.ts'

/** Deeper than any claim or key set needs to be. */
const DEEPEST = 16

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The object that `bytes` are as JSON, `null` where two readers could understand them differently (JWT-09): not UTF-8, a byte
 * order mark, a member that comes twice, half a surrogate pair, a number beyond all bounds, no object, or nested too deeply.
 */
export function parseStrictObject(bytes: Uint8Array): JsonFields | null {
  const text = decode(bytes)
  const value = text === null ? undefined : parse(text)
  if (text === null || !isJsonObject(value)) return null
  // Of members with the same name the parser keeps the last one, so that fewer come out than went in.
  return membersIn(value, 0) === colonsOutsideStrings(text) ? value : null
}

export function isJsonObject(value: unknown): value is JsonFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function decode(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

/** Members of all objects in `value`; `NaN`, which equals nothing, where something in it is not to be accepted. */
function membersIn(value: Json, depth: number): number {
  if (typeof value === 'string') return value.isWellFormed() ? 0 : Number.NaN
  if (typeof value === 'number') return Number.isFinite(value) ? 0 : Number.NaN
  if (typeof value !== 'object' || value === null) return 0
  if (depth === DEEPEST) return Number.NaN
  let count = 0
  for (const inner of Object.values(value)) count += membersIn(inner, depth + 1)
  if (Array.isArray(value)) return count
  const names = Object.keys(value)
  return names.every((name) => name.isWellFormed()) ? count + names.length : Number.NaN
}

/** One for each member that is written in `text`, which is known to be JSON. */
function colonsOutsideStrings(text: string): number {
  let count = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit === QUOTE) inString = !inString
    else if (inString && unit === BACKSLASH) i++
    else if (!inString && unit === COLON) count++
  }
  return count
}

const QUOTE = 0x22
const COLON = 0x3a
const BACKSLASH = 0x5c
