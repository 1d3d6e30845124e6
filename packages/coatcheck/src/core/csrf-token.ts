import { fromBase64Url, toBase64Url, utf8 } from './encoding.ts'
import type { Environment } from './environment.ts'
import { UsageError } from './errors.ts'
import type { KeyRing } from './key-ring.ts'
import { constantTimeEqual } from './platform.ts'

const VERSION = 1
const RANDOM_BYTES = 16
const MAC_BYTES = 16
const HEAD_BYTES = 1 + RANDOM_BYTES
const TOKEN_BYTES = HEAD_BYTES + MAC_BYTES
const TOKEN_LENGTH = (TOKEN_BYTES / 3) * 4

/**
 * A CSRF token for `binding` (the session's id, which no rotation changes): 44 characters of base64url over version
 * and key slot (4 bits each), 16 random bytes and a MAC of 16 bytes. Nothing is stored. No two are alike, so that a
 * compressed response that repeats one tells an attacker nothing (BREACH).
 */
export function issueCsrfToken(ring: KeyRing, environment: Environment, binding: string): string {
  if (!binding.isWellFormed()) {
    throw new UsageError('ERR_USAGE', 'The binding of a CSRF token must be well-formed Unicode text.')
  }
  const bytes = new Uint8Array(TOKEN_BYTES)
  bytes[0] = (VERSION << 4) | ring.currentSlot
  bytes.set(environment.randomBytes(RANDOM_BYTES), 1)
  bytes.set(macOf(ring, ring.currentSlot, bytes, binding), HEAD_BYTES)
  return toBase64Url(bytes)
}

/**
 * Whether `text` is a CSRF token that was issued for this very `binding`, under a key that is still in the ring.
 * Takes any value as `text` and never throws.
 */
export function verifyCsrfToken(ring: KeyRing, binding: string, text: unknown): boolean {
  // Ill-formed text has no bytes of its own in UTF-8: two bindings would share a MAC.
  if (typeof text !== 'string' || text.length !== TOKEN_LENGTH || !binding.isWellFormed()) return false
  const bytes = fromBase64Url(text)
  const head = bytes?.[0]
  if (!bytes || head === undefined || head >> 4 !== VERSION || !ring.has(head & 0b1111)) return false
  return constantTimeEqual(macOf(ring, head & 0b1111, bytes, binding), bytes.subarray(HEAD_BYTES))
}

function macOf(ring: KeyRing, slot: number, bytes: Uint8Array, binding: string): Uint8Array {
  return ring.mac('csrf', slot, bytes.subarray(0, HEAD_BYTES), utf8(binding)).subarray(0, MAC_BYTES)
}
