import { fromBase64Url, toBase64Url } from './encoding.ts'
import type { SessionId } from './record.ts'

/** What the text of an API key says. The secret stays a text: it is only ever hashed. */
export interface ParsedApiKey {
  readonly id: SessionId
  readonly secret: string
}

/** Digits of base62 that hold 16 bytes of an id, 24 of a secret, and the four of the checksum. */
const ID_DIGITS = 22
const SECRET_DIGITS = 33
const CHECKSUM_DIGITS = 6

const ID_BYTES = 16

/** Characters of a key besides its prefix. */
const BODY_LENGTH = 1 + ID_DIGITS + 1 + SECRET_DIGITS + CHECKSUM_DIGITS

/** Characters of the id that people are shown beside the prefix: enough to tell the keys of one owner apart. */
const HINT_DIGITS = 8

/** How a prefix may look: 2 to 24 lower-case letters, digits and underscores; a letter first, no underscore last. */
export const API_KEY_PREFIX = /^[a-z][a-z0-9_]{0,22}[a-z0-9]$/

/** The grammar of every API key, whatever its prefix, for a regular expression. The letter first tells it from a session token. */
export const API_KEY_GRAMMAR = `[a-z][a-z0-9_]{0,22}[a-z0-9]_[0-9A-Za-z]{${ID_DIGITS}}_[0-9A-Za-z]{${SECRET_DIGITS + CHECKSUM_DIGITS}}`

/** Length of the keys with this prefix. */
export function apiKeyLength(prefix: string): number {
  return prefix.length + BODY_LENGTH
}

/**
 * `prefix_<id>_<secret><checksum>` in base62, which a double click selects as a whole. The checksum is the CRC-32 (IEEE
 * 802.3) of all before it, without a key, so that scanners can tell a key from what only looks like one (API-02).
 */
export function toApiKeyText(prefix: string, id: SessionId, secret: Uint8Array): string {
  const text = `${prefix}_${idDigits(id)}_${toBase62(secret, SECRET_DIGITS)}`
  return text + checksumOf(text)
}

/** What people are shown of a key to know it by: how its text begins. Nothing of the secret. */
export function apiKeyHint(prefix: string, id: SessionId): string {
  return `${prefix}_${idDigits(id).slice(0, HINT_DIGITS)}`
}

/** Reads a key with this prefix: form and checksum, no look-up. `null` for anything else; takes any value and never throws. */
export function parseApiKeyText(prefix: string, text: unknown): ParsedApiKey | null {
  if (typeof text !== 'string' || text.length !== apiKeyLength(prefix)) return null
  const [idStart, secretStart] = [prefix.length + 1, prefix.length + ID_DIGITS + 2]
  if (!text.startsWith(prefix) || text[idStart - 1] !== '_' || text[secretStart - 1] !== '_') return null
  const end = text.length - CHECKSUM_DIGITS
  const secret = text.slice(secretStart, end)
  if (!DIGITS_ONLY.test(secret) || checksumOf(text.slice(0, end)) !== text.slice(end)) return null
  const id = fromBase62(text.slice(idStart, secretStart - 1), ID_BYTES)
  return id && { id: toBase64Url(id) as SessionId, secret }
}

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const DIGITS_ONLY = /^[0-9A-Za-z]+$/
const BASE = 62n

function idDigits(id: SessionId): string {
  return toBase62(fromBase64Url(id) ?? new Uint8Array(ID_BYTES), ID_DIGITS)
}

function toBase62(bytes: Uint8Array, digits: number): string {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  let text = ''
  for (let i = 0; i < digits; i++) {
    text = DIGITS.charAt(Number(value % BASE)) + text
    value /= BASE
  }
  return text
}

/** The bytes whose one spelling `text` is; `null` for other characters, and for a number that needs more bytes. */
function fromBase62(text: string, length: number): Uint8Array | null {
  let value = 0n
  for (const digit of text) {
    const worth = DIGITS.indexOf(digit)
    if (worth < 0) return null
    value = value * BASE + BigInt(worth)
  }
  const bytes = new Uint8Array(length)
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(value & 0xffn)
    value >>= 8n
  }
  return value === 0n ? bytes : null
}

function checksumOf(text: string): string {
  let left = crc32(text)
  let digits = ''
  for (let i = 0; i < CHECKSUM_DIGITS; i++) {
    digits = DIGITS.charAt(left % 62) + digits
    left = Math.floor(left / 62)
  }
  return digits
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
  return crc
})

/** Of a text whose characters are ASCII; one that is not has no right checksum anyway. */
function crc32(text: string): number {
  let crc = 0xffff_ffff
  for (let i = 0; i < text.length; i++) {
    crc = (CRC_TABLE[(crc ^ text.charCodeAt(i)) & 0xff] as number) ^ (crc >>> 8)
  }
  return (crc ^ 0xffff_ffff) >>> 0
}
