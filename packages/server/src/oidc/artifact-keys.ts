import type { Environment, MasterKey } from 'coatcheck'
import { deriveKey, hmac, openText, sealText, sha256 } from '../system.ts'

interface Keys {
  readonly seal: Uint8Array
  readonly derive: Uint8Array
}

/**
 * What protects artefacts of the protocol library at rest. Its ids *are* codes and tokens, so they are hashed; payloads are sealed
 * under a key of the current master, for one row only; successors of refresh tokens are derived, never stored.
 */
export class ArtifactKeys {
  readonly #environment: Environment
  readonly #bySlot: ReadonlyMap<number, Keys>
  /** Slot of the master key that seals and derives. */
  readonly slot: number
  /** Secrets that every node knows, the current one first: for cookies that last minutes. */
  readonly cookieSecrets: readonly string[]

  /** `purpose`: keys of another one open nothing of this one. */
  constructor(masters: readonly MasterKey[], environment: Environment, purpose = 'coatcheck oauth') {
    this.#environment = environment
    this.#bySlot = new Map(masters.map(({ slot, master }) => [slot, keysOf(master, purpose)]))
    this.slot = masters.findLast(({ state }) => state === 'current')?.slot ?? 0
    const slots = [this.slot, ...masters.map(({ slot }) => slot).filter((slot) => slot !== this.slot)]
    this.cookieSecrets = slots.map((slot) => this.derive('cookies', slot, '') ?? '')
  }

  /** Of an opaque value of at least 128 random bits: no key is needed. A hash cannot be moved between kinds. */
  hash(kind: string, value: string): string {
    return sha256(`coatcheck oauth\0${kind}\0${value}`)
  }

  /** `place`: where the text will lie; it opens there alone. */
  seal(place: string, text: string): string {
    const keys = this.#bySlot.get(this.slot)
    if (!keys) throw new TypeError(`There is no master key ${this.slot}.`)
    return `${this.slot}.${sealText(this.#environment, keys.seal, place, text)}`
  }

  /** `null` for what was sealed elsewhere, under a key that is gone, or is damaged. */
  open(place: string, sealed: string): string | null {
    const [slot = '', content = ''] = sealed.split('.')
    const keys = this.#bySlot.get(Number(slot))
    return keys ? openText(keys.seal, place, content) : null
  }

  /** The same for the same input on every node, 256 bits that nobody without the master key can tell; `null` where that key is gone. */
  derive(kind: string, slot: number, input: string): string | null {
    const keys = this.#bySlot.get(slot)
    return keys ? hmac(keys.derive, `${kind}\0${input}`) : null
  }
}

function keysOf(master: Uint8Array, purpose: string): Keys {
  return {
    seal: deriveKey(master, purpose, 'seal'),
    derive: deriveKey(master, purpose, 'derive'),
  }
}
