import { fromBase64Url, toBase64Url } from '../../core/encoding.ts'
import type { KeyRing } from '../../core/key-ring.ts'
import { constantTimeEqual } from '../../core/platform.ts'

const VERSION = 1
const PURPOSE = 'dpop nonce'
const HEAD_BYTES = 8
const MAC_BYTES = 16
const NONCE_LENGTH = ((HEAD_BYTES + MAC_BYTES) * 4) / 3

/** A nonce of ours: whether another is to be used from now on, and for how many milliseconds this one is still accepted. */
export interface KnownNonce {
  readonly isOld: boolean
  readonly left: number
}

/**
 * Server nonces (RFC 9449, section 8) without a memory: 32 characters over version and key slot, a span of time, and a MAC
 * of 16 bytes. Whoever has the keys knows all of them, nobody else the next one. One is accepted in its own span of time
 * and the one after.
 */
export class Nonces {
  readonly #ring: KeyRing
  readonly #span: number

  constructor(ring: KeyRing, span: number) {
    this.#ring = ring
    this.#span = span
  }

  /** The nonce of this moment. */
  current(now: number): string {
    const head = new Uint8Array(HEAD_BYTES)
    head[0] = (VERSION << 4) | this.#ring.currentSlot
    putNumber(head, Math.floor(now / this.#span))
    return toBase64Url(Uint8Array.of(...head, ...this.#macOf(this.#ring.currentSlot, head)))
  }

  /** `null` for one that is too old, or not ours. */
  read(text: unknown, now: number): KnownNonce | null {
    if (typeof text !== 'string' || text.length !== NONCE_LENGTH) return null
    const bytes = fromBase64Url(text)
    const first = bytes?.[0]
    if (!bytes || first === undefined || first >> 4 !== VERSION || !this.#ring.has(first & 0b1111))
      return null
    const head = bytes.slice(0, HEAD_BYTES)
    if (!constantTimeEqual(this.#macOf(first & 0b1111, head), bytes.slice(HEAD_BYTES))) return null
    const age = Math.floor(now / this.#span) - numberIn(head)
    if (age !== 0 && age !== 1) return null
    return { isOld: age === 1, left: (numberIn(head) + 2) * this.#span - now }
  }

  #macOf(slot: number, head: Uint8Array): Uint8Array {
    return this.#ring.mac(PURPOSE, slot, head).slice(0, MAC_BYTES)
  }
}

function putNumber(head: Uint8Array, number: number): void {
  for (let i = HEAD_BYTES - 1, rest = number; i > 0; i--, rest = Math.floor(rest / 256)) head[i] = rest % 256
}

function numberIn(head: Uint8Array): number {
  return head.slice(1).reduce((number, byte) => number * 256 + byte, 0)
}
