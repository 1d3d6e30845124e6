const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const INVALID = 0xff

const VALUES = new Uint8Array(128).fill(INVALID)
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value

const encoder = new TextEncoder()

/** base64url without padding (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const group = (byteAt(bytes, i) << 16) | (byteAt(bytes, i + 1) << 8) | byteAt(bytes, i + 2)
    text += letter(group >> 18) + letter(group >> 12)
    if (i + 1 < bytes.length) text += letter(group >> 6)
    if (i + 2 < bytes.length) text += letter(group)
  }
  return text
}

/**
 * The bytes that `toBase64Url` turns into exactly `text`, else `null`: no padding, no other character, no bits that
 * decode to nothing. So one value has one spelling, and nobody can present the same token as another string.
 */
export function fromBase64Url(text: string): Uint8Array | null {
  const rest = text.length % 4
  if (rest === 1) return null
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let seen = 0
  for (let from = 0, to = 0; from < text.length; from += 4, to += 3) {
    const a = sextetAt(text, from)
    const b = sextetAt(text, from + 1)
    const c = sextetAt(text, from + 2)
    const d = sextetAt(text, from + 3)
    seen |= a | b | c | d
    // A typed array ignores what is assigned past its end.
    bytes[to] = (a << 2) | (b >> 4)
    bytes[to + 1] = (b << 4) | (c >> 2)
    bytes[to + 2] = (c << 6) | d
  }
  return seen > 63 || hasUnusedBits(text, rest) ? null : bytes
}

/** The six bits of one character, 0 to 63; a number above 63 for a character outside the alphabet; 0 past the end. */
export function sextetAt(text: string, index: number): number {
  return index < text.length ? (VALUES[text.charCodeAt(index)] ?? INVALID) : 0
}

/** UTF-8. A lone surrogate becomes U+FFFD: refuse ill-formed text first where two texts must not collide. */
export function utf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // The encoder is several times slower for the short ASCII texts that nearly all of ours are.
    if (unit > 127) return encoder.encode(text)
    bytes[i] = unit
  }
  return bytes
}

/** All parts in one array, each after its length in four bytes, so that no two lists of parts give the same bytes. */
export function lengthPrefixed(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += 4 + part.length
  const bytes = allocate(length)
  let at = 0
  for (const part of parts) {
    bytes[at] = part.length >>> 24
    bytes[at + 1] = part.length >>> 16
    bytes[at + 2] = part.length >>> 8
    bytes[at + 3] = part.length
    bytes.set(part, at + 4)
    at += 4 + part.length
  }
  return bytes
}

/** Longest typed array that V8 keeps in its own heap; what is longer costs a malloc and work at every garbage collection. */
const IN_HEAP = 64

const SLAB = 8_192

let slab = new ArrayBuffer(SLAB)
let taken = 0

/** Zeros, cut from a larger piece where that is cheaper. */
function allocate(length: number): Uint8Array {
  if (length <= IN_HEAP || length > SLAB / 8) return new Uint8Array(length)
  if (taken + length > SLAB) {
    slab = new ArrayBuffer(SLAB)
    taken = 0
  }
  const bytes = new Uint8Array(slab, taken, length)
  taken += length
  return bytes
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0
}

function letter(value: number): string {
  return ALPHABET.charAt(value & 63)
}

/** Whether the last of `rest` characters in an incomplete group sets bits that belong to no byte. */
function hasUnusedBits(text: string, rest: number): boolean {
  if (rest === 0) return false
  return (sextetAt(text, text.length - 1) & (rest === 2 ? 0b1111 : 0b11)) !== 0
}
