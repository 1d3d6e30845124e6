import { Buffer } from 'node:buffer'
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto'
import type { Environment, MasterKey } from 'coatcheck'

const NONCE_BYTES = 12
const TAG_BYTES = 16

interface Keys {
  readonly seal: Uint8Array
  readonly derive: Uint8Array
}

/**
 * What protects artefacts of the protocol library at rest. Its ids *are* codes and tokens, so they are hashed; payloads are sealed
 * (AES-256-GCM) under a key of the current master, for one row only; successors of refresh tokens are derived, never stored.
 */
export class ArtifactKeys {
  readonly #environment: Environment
  readonly #bySlot: ReadonlyMap<number, Keys>
  /** Slot of the master key that seals and derives. */
  readonly slot: number

  constructor(masters: readonly MasterKey[], environment: Environment) {
    this.#environment = environment
    this.#bySlot = new Map(
      masters.map(({ slot, master }) => [slot, { seal: key(master, 'seal'), derive: key(master, 'derive') }]),
    )
    this.slot = masters.findLast(({ state }) => state === 'current')?.slot ?? 0
  }

  /** Of an opaque value of at least 128 random bits: no key is needed. A hash cannot be moved between kinds. */
  hash(kind: string, value: string): string {
    return createHash('sha256').update(`coatcheck oauth\0${kind}\0${value}`).digest('base64url')
  }

  /** `place`: where the text will lie; it opens there alone. */
  seal(place: string, text: string): string {
    const nonce = this.#environment.randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#keys(this.slot).seal, nonce, {
      authTagLength: TAG_BYTES,
    })
    cipher.setAAD(Buffer.from(place))
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return `${this.slot}.${sealed.toString('base64url')}`
  }

  /** `null` for what was sealed elsewhere, under a key that is gone, or is damaged. */
  open(place: string, sealed: string): string | null {
    const [slot = '', content = ''] = sealed.split('.')
    const keys = this.#bySlot.get(Number(slot))
    const bytes = Buffer.from(content, 'base64url')
    if (!keys || bytes.length < NONCE_BYTES + TAG_BYTES) return null
    const nonce = bytes.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', keys.seal, nonce, { authTagLength: TAG_BYTES })
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

  /** The same for the same input on every node, 256 bits that nobody without the master key can tell; `null` where that key is gone. */
  derive(kind: string, slot: number, input: string): string | null {
    const keys = this.#bySlot.get(slot)
    return keys ? createHmac('sha256', keys.derive).update(`${kind}\0${input}`).digest('base64url') : null
  }

  #keys(slot: number): Keys {
    const keys = this.#bySlot.get(slot)
    if (!keys) throw new TypeError(`There is no master key ${slot}.`)
    return keys
  }
}

function key(master: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', master, 'coatcheck oauth', purpose, 32))
}
