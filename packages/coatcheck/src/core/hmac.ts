import { sha256Bytes } from './platform.ts'

/** Bytes that SHA-256 works on at a time. */
const BLOCK = 64

const INNER_PAD = 0x36
const OUTER_PAD = 0x5c

/**
 * HMAC-SHA-256 (RFC 2104) under one key, from two hashes of one call each. The platform's own HMAC is an object per
 * message, which costs several times the two hashes and most of what the garbage collector has to do for a request.
 * Shows no key material when printed.
 */
export class HmacKey {
  readonly #inner: Uint8Array
  readonly #outer: Uint8Array

  /** The bytes are copied. */
  constructor(key: Uint8Array) {
    const block = new Uint8Array(BLOCK)
    block.set(key.length > BLOCK ? sha256Bytes(key) : key)
    this.#inner = block.map((byte) => byte ^ INNER_PAD)
    this.#outer = block.map((byte) => byte ^ OUTER_PAD)
  }

  /** The MAC of `data`, 32 bytes. */
  mac(data: Uint8Array): Uint8Array {
    return sha256Bytes(joined(this.#outer, sha256Bytes(joined(this.#inner, data))))
  }
}

let scratch = new Uint8Array(4 * BLOCK)

/** One after the other, until the next call. */
function joined(block: Uint8Array, data: Uint8Array): Uint8Array {
  const length = BLOCK + data.length
  if (scratch.length < length) scratch = new Uint8Array(2 * length)
  scratch.set(block)
  scratch.set(data, BLOCK)
  return scratch.subarray(0, length)
}
