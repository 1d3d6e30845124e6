import { Buffer } from 'node:buffer'
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Environment } from 'coatcheck'

/** Clock and randomness of this machine; the only file of the server that reads either. */
export const systemEnvironment: Environment = Object.freeze({
  now: () => Date.now(),
  monotonic: () => performance.now(),
  randomBytes: (length: number) => new Uint8Array(randomBytes(length)),
  setTimer: (delay: number, callback: () => void) => {
    const timer = setTimeout(callback, delay)
    timer.unref()
    return () => clearTimeout(timer)
  },
})

/** SHA-256 as base64url. */
export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** HMAC-SHA-256 as base64url. */
export function hmac(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url')
}

/** HMAC-SHA-1, which one-time codes are made with (RFC 4226). */
export function hmacSha1(key: Uint8Array, message: Uint8Array): ArrayBuffer {
  return new Uint8Array(createHmac('sha1', key).update(message).digest()).buffer
}

/** Whether two texts are the same, in a time that tells nothing about where they differ. */
export function sameText(one: string, other: string): boolean {
  const left = Buffer.from(one)
  const right = Buffer.from(other)
  return left.length === right.length && timingSafeEqual(left, right)
}

/** A secret of `length` random bytes as base64url. */
export function randomText(environment: Environment, length: number): string {
  return Buffer.from(environment.randomBytes(length)).toString('base64url')
}

/** Another key of 32 bytes for each purpose, from which the master key cannot be told (HKDF-SHA-256). */
export function deriveKey(master: Uint8Array, salt: string, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', master, salt, purpose, 32))
}

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** AES-256-GCM under a fresh nonce, as base64url; opens for the same `place` alone. */
export function sealText(environment: Environment, key: Uint8Array, place: string, text: string): string {
  const nonce = environment.randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(place))
  const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat(sealed).toString('base64url')
}

/** `null` for anything that `sealText` has not made with this key for this place. */
export function openText(key: Uint8Array, place: string, sealed: string): string | null {
  const bytes = Buffer.from(sealed, 'base64url')
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return null
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(Buffer.from(place))
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    return (
      decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    )
  } catch {
    return null
  }
}

/** An instant for people and programs: `2026-11-21T16:00:00.000Z`. */
export function isoText(at: number): string {
  return new Date(at).toISOString()
}

/** Epoch milliseconds of an instant in ISO 8601, `NaN` for what is none. */
export function fromIsoText(text: string): number {
  return /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
}

/** Calls back once everything that has come in by now has had its turn. */
export function afterThisTurn(work: () => void): void {
  setImmediate(work)
}
