import { lengthPrefixed, utf8 } from './encoding.ts'
import { ConfigError, UsageError } from './errors.ts'
import { HmacKey } from './hmac.ts'
import type { KeyState, MasterKey } from './keys.ts'
import { constantTimeEqual, hkdfSha256, sha256Bytes } from './platform.ts'
import type { SessionId } from './record.ts'

/** Bytes of a master key. */
export const MASTER_BYTES = 32

/** Key slots are four bits of a token. */
export const LAST_SLOT = 15

/** Bytes of a session's secret: 192 bits. */
export const SECRET_BYTES = 24

const STATES: readonly unknown[] = ['next', 'current', 'retired'] satisfies KeyState[]

interface DerivedKeys {
  readonly tag: HmacKey
  readonly rotate: HmacKey
}

/**
 * The keys that one instance works with, derived by HKDF (RFC 5869) from its master keys and its `name`: instances of
 * other names get other keys from the same masters, and so never accept what this one issued. Keeps no master.
 * Construction throws `ERR_KEYS_INVALID`.
 */
export class KeyRing {
  readonly name: string
  /** The slot that issues. */
  readonly currentSlot: number
  readonly #keys = new Map<number, DerivedKeys>()

  constructor(keys: readonly MasterKey[], options: { readonly name: string }) {
    assertMasterKeys(keys, { all: 'The key ring', one: (index) => `Key ${index + 1} of the key ring` })
    this.name = options.name
    this.currentSlot = keys.findLast((key) => key.state === 'current')?.slot ?? 0
    for (const key of keys) this.#keys.set(key.slot, derive(key.master, options.name))
  }

  /** Whether what was issued under `slot` can be verified here. */
  has(slot: number): boolean {
    return this.#keys.has(slot)
  }

  /**
   * HMAC-SHA-256 over `purpose` and `parts`, 32 bytes. Every part is preceded by its length, so that no two lists of
   * parts share a MAC. Throws `ERR_USAGE` for a slot that the ring has not.
   */
  mac(purpose: string, slot: number, ...parts: readonly Uint8Array[]): Uint8Array {
    const keys = this.#keys.get(slot)
    if (!keys) throw new UsageError('ERR_USAGE', `The key ring has no key in slot ${slot}.`)
    return keys.tag.macOf([purpose, ...parts])
  }

  /**
   * The secret that follows `secret` in a rotation with this `salt`: whoever holds the old secret and the key derives
   * the same 24 bytes, and the record, which holds neither, is no help. `null` for a slot that the ring has not.
   */
  deriveSuccessor(slot: number, salt: string, id: SessionId, secret: Uint8Array): Uint8Array | null {
    const keys = this.#keys.get(slot)
    if (!keys) return null
    return keys.rotate.macOf([salt, id, secret]).slice(0, SECRET_BYTES)
  }
}

/** What messages call the keys: the subject of a sentence, never key material. */
export interface KeyNames {
  readonly all: string
  one(index: number): string
}

/**
 * Throws `ERR_KEYS_INVALID` unless `keys` can make a ring: exactly one current, slots 0 to 15 that differ, masters of
 * 32 bytes that differ and look random.
 */
export function assertMasterKeys(keys: readonly MasterKey[], names: KeyNames): void {
  for (const [index, key] of keys.entries()) {
    assertMasterKey(key, names.one(index))
    assertDiffers(key, keys.slice(0, index), names.one(index))
  }
  const [first, second] = [...keys.keys()].filter((index) => keys[index]?.state === 'current')
  if (first === undefined) {
    throw invalid(`${names.all} must have exactly one key in state "current", and has none.`)
  }
  if (second !== undefined) {
    throw invalid(`${names.one(second)} is "current", and so is an earlier one: exactly one may be.`)
  }
}

/** Whether `value` is one of the three states. */
export function isKeyState(value: unknown): value is KeyState {
  return STATES.includes(value)
}

function assertMasterKey(key: MasterKey, subject: string): void {
  if (!Number.isInteger(key.slot) || key.slot < 0 || key.slot > LAST_SLOT) {
    throw invalid(`${subject} needs a slot that is a whole number from 0 to ${LAST_SLOT}.`)
  }
  if (!isKeyState(key.state)) {
    throw invalid(`${subject} needs a state: "next", "current" or "retired".`)
  }
  if (key.master.length !== MASTER_BYTES) {
    throw invalid(`${subject} has ${key.master.length} bytes; a master key has ${MASTER_BYTES}.`)
  }
  if (key.master.every((byte) => byte === key.master[0])) {
    throw invalid(`${subject} repeats a single byte; a master key is ${MASTER_BYTES} random bytes.`)
  }
}

function assertDiffers(key: MasterKey, earlier: readonly MasterKey[], subject: string): void {
  for (const other of earlier) {
    if (other.slot === key.slot) {
      throw invalid(`${subject} uses slot ${key.slot}, and so does an earlier one.`)
    }
    if (constantTimeEqual(other.master, key.master)) {
      throw invalid(`${subject} repeats the key of slot ${other.slot}; every slot needs a key of its own.`)
    }
  }
}

function derive(master: Uint8Array, name: string): DerivedKeys {
  const salt = sha256Bytes(lengthPrefixed(['coatcheck instance', name]))
  const key = (use: string) => new HmacKey(hkdfSha256(master, salt, utf8(use), 32))
  return { tag: key('tag'), rotate: key('rotate') }
}

function invalid(message: string): ConfigError {
  return new ConfigError('ERR_KEYS_INVALID', message)
}
