import { framed, type Part } from './encoding.ts'
import { sha256Bytes, sha256Into } from './platform.ts'

/** Bytes that SHA-256 works on at a time. */
const BLOCK = 64

const DIGEST = 32

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

  /** The MAC of `lengthPrefixed(parts)`, 32 bytes. */
  macOf(parts: readonly Part[]): Uint8Array {
    return this.#finish(framed(BLOCK, parts))
  }

  /** The MAC of `data`, 32 bytes. */
  mac(data: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(BLOCK + data.length)
    bytes.set(data, BLOCK)
    return this.#finish(bytes)
  }

  /** `bytes` are a block to be filled and the data behind it. */
  #finish(bytes: Uint8Array): Uint8Array {
    bytes.set(this.#inner)
    outer.set(this.#outer)
    sha256Into(bytes, outer, BLOCK)
    return sha256Bytes(outer)
  }
}

const outer = new Uint8Array(BLOCK + DIGEST)
