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

/** Bytes, or a text that stands for its UTF-8. */
export type Part = Uint8Array | string

/** All parts in one array, each after its length in four bytes, so that no two lists of parts give the same bytes. */
export function lengthPrefixed(parts: readonly Part[]): Uint8Array {
  return framed(0, parts).slice()
}

/**
 * The same behind `offset` bytes that are the caller's, in an array that the next call uses again: for what is hashed
 * at once, without allocating anything.
 */
export function framed(offset: number, parts: readonly Part[]): Uint8Array {
  let at = offset
  for (const part of parts) {
    // A UTF-16 unit takes three bytes at most.
    makeRoom(at + 4 + 3 * part.length)
    const length = typeof part === 'string' ? putText(part, at + 4) : putBytes(part, at + 4)
    frame[at] = length >>> 24
    frame[at + 1] = length >>> 16
    frame[at + 2] = length >>> 8
    frame[at + 3] = length
    at += 4 + length
  }
  return frame.subarray(0, at)
}

let frame = new Uint8Array(1_024)

function makeRoom(length: number): void {
  if (length <= frame.length) return
  const before = frame
  frame = new Uint8Array(2 * length)
  frame.set(before)
}

function putBytes(bytes: Uint8Array, at: number): number {
  frame.set(bytes, at)
  return bytes.length
}

function putText(text: string, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 127) return putBytes(encoder.encode(text), at)
    frame[at + i] = unit
  }
  return text.length
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
