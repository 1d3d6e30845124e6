import { fromBase64Url, toBase64Url, utf8 } from '../core/encoding.ts'
import { hasTokenInUrl, kindOf } from '../core/token-forms.ts'

/**
 * Throws where `value` (an event, a log line, an error with its causes, a whole list of them) holds a session token: one
 * of `tokens` or its secret, as it is or in base64, base64url or hexadecimal, or any text of a token's form. The error
 * says where, and never repeats what it found.
 *
 * @example
 * ```ts
 * import { assertNoTokens } from 'coatcheck/testing'
 *
 * const log: string[] = []
 * assertNoTokens(log)
 * ```
 */
export function assertNoTokens(value: unknown, tokens: readonly string[] = []): void {
  const places = new TokenSearch(tokens).placesIn(value)
  if (places.length > 0) throw new Error(`A session token shows at: ${places.join(', ')}.`)
}

/** Where the secret lies in a token's bytes (design section 5). */
const SECRET_START = 17
const SECRET_END = 41

/** Walks through a value as a log would print it, and further: what loggers leave out may be printed by another. */
class TokenSearch {
  readonly #needles: readonly string[]
  readonly #seen = new Set<object>()
  #places: string[] = []

  constructor(tokens: readonly string[]) {
    this.#needles = tokens.flatMap(needlesOf)
  }

  placesIn(value: unknown): readonly string[] {
    this.#places = []
    this.#seen.clear()
    this.#visit(value, 'value')
    return this.#places
  }

  #visit(value: unknown, path: string): void {
    if (typeof value === 'string') {
      if (this.#shows(value)) this.#places.push(path)
      return
    }
    if (typeof value !== 'object' || value === null || this.#seen.has(value)) return
    this.#seen.add(value)
    if (value instanceof Uint8Array) {
      if (this.#shows(hex(value)) || this.#shows(latin1(value))) this.#places.push(path)
      return
    }
    for (const [name, inner] of innerValues(value)) {
      if (this.#shows(name)) this.#places.push(`a name in ${path}`)
      this.#visit(inner, `${path}.${name.slice(0, 40)}`)
    }
  }

  #shows(text: string): boolean {
    if (kindOf(text) !== null || hasTokenInUrl(text)) return true
    const lower = text.toLowerCase()
    return this.#needles.some((needle) => text.includes(needle) || lower.includes(needle))
  }
}

/** Own properties, hidden ones too; entries of maps and sets; what `toJSON` says. */
function innerValues(value: object): [string, unknown][] {
  const inner = Object.getOwnPropertyNames(value).map((name): [string, unknown] => [
    name,
    (value as { readonly [name: string]: unknown })[name],
  ])
  if (value instanceof Map) {
    const entries = [...value].flat()
    inner.push(...entries.map((item, index): [string, unknown] => [`entry ${index}`, item]))
  }
  if (value instanceof Set) {
    inner.push(...[...value].map((item, index): [string, unknown] => [`entry ${index}`, item]))
  }
  const { toJSON } = value as { readonly toJSON?: unknown }
  if (typeof toJSON === 'function') inner.push(['toJSON()', toJSON.call(value)])
  return inner
}

/** The spellings by which a token, its bytes or its secret are searched; long enough to stand in no text by chance. */
function needlesOf(token: string): string[] {
  const needles = [token, ...base64Needles(utf8(token)), hex(utf8(token))]
  const bytes = fromBase64Url(token)
  if (!bytes) return needles
  const secret = bytes.subarray(SECRET_START, SECRET_END)
  return [...needles, ...[bytes, secret].flatMap((part) => [...base64Needles(part), hex(part), `${part}`])]
}

/** How `bytes` look within a longer base64 text, whatever comes before: three alignments, each without its blurred ends. */
function base64Needles(bytes: Uint8Array): string[] {
  return [0, 1, 2].flatMap((before) => {
    const padded = new Uint8Array(before + bytes.length)
    padded.set(bytes, before)
    const clear = toBase64Url(padded).slice(
      Math.ceil((before * 8) / 6),
      Math.floor(((before + bytes.length) * 8) / 6),
    )
    return [clear, clear.replaceAll('-', '+').replaceAll('_', '/')]
  })
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
