import { framed, fromBase64Url, toBase64Url } from './encoding.ts'
import { StoreError } from './errors.ts'
import type { JsonFields } from './json.ts'
import type { SessionManager } from './manager.ts'
import { constantTimeEqual, sha256, sha256Bytes } from './platform.ts'
import type { SessionId } from './record.ts'
import type { NewSession } from './store.ts'

const ID_BYTES = 16

/** Of a code: version and key slot (4 bits each), 17 random bytes, a tag of 6. */
const VERSION = 1
const HEAD_BYTES = 18
const CODE_BYTES = 24

const USED = 'used'

/**
 * Things that are good once, on every store and for all nodes together: codes, tickets, numbers that must not come twice. They
 * lie among the sessions as records of nobody, under ids that follow from a hash. `kind` keeps one use from another.
 */
export class OneTimeRecords {
  readonly #manager: SessionManager
  readonly #kind: string

  constructor(manager: SessionManager, kind: string) {
    this.#manager = manager
    this.#kind = kind
  }

  /** A code of 136 random bits, 32 characters of base64url, that brings `data` back once within `expiresIn` milliseconds. */
  async issue(data: JsonFields, expiresIn: number): Promise<string> {
    await this.#manager.open()
    const code = this.#newCode()
    if (await this.#create(code, data, expiresIn)) return code
    throw new StoreError('ERR_STORE_UNAVAILABLE', 'A new code already existed in the store.', {
      retryable: true,
    })
  }

  /**
   * What the code was made with, for the first who asks; `used` for whoever comes later, as far as the store remembers
   * (option `tombstoneRetention`); `unknown` for all else. What nobody issued costs a MAC and no look-up.
   */
  async redeem(code: string): Promise<JsonFields | 'used' | 'unknown'> {
    await this.#manager.open()
    if (!this.#isOurs(code)) return 'unknown'
    const id = this.#idOf(code)
    const found = await this.#manager.store.find(id)
    if (found.status === 'ended' && found.tombstone.reason === USED) return 'used'
    if (found.status !== 'live') return 'unknown'
    const { record } = found
    if (!constantTimeEqual(record.rotation.secretHash, this.#hashOf(code))) return 'unknown'
    const ended = await this.#manager.store.call('end', id, { reason: USED })
    return ended.outcome === 'ended' ? record.data : 'used'
  }

  /** Whether nobody has come with this key within the last `within` milliseconds. */
  first(key: string, within: number): Promise<boolean> {
    return this.#create(key, {}, within)
  }

  /** Whether somebody has: tells what nothing is to be done for again, and decides nothing, which `first` does. */
  async seen(key: string): Promise<boolean> {
    await this.#manager.open()
    return (await this.#manager.store.find(this.#idOf(key))).status !== 'unknown'
  }

  async #create(key: string, data: JsonFields, expiresIn: number): Promise<boolean> {
    await this.#manager.open()
    const record: NewSession = {
      id: this.#idOf(key),
      secretHash: this.#hashOf(key),
      userId: null,
      lifetime: 'anonymous',
      idleTimeout: expiresIn,
      absoluteTimeout: expiresIn,
      authenticated: false,
      authentication: { methods: [], level: null },
      transport: 'bearer',
      device: { userAgent: null, address: null, label: null },
      data,
      schemaVersion: 0,
    }
    return (await this.#manager.store.call('create', record)).outcome === 'ok'
  }

  #newCode(): string {
    const { ring, settings } = this.#manager
    const bytes = new Uint8Array(CODE_BYTES)
    bytes[0] = (VERSION << 4) | ring.currentSlot
    bytes.set(settings.environment.randomBytes(HEAD_BYTES - 1), 1)
    bytes.set(this.#tagOf(ring.currentSlot, bytes), HEAD_BYTES)
    return toBase64Url(bytes)
  }

  #isOurs(code: string): boolean {
    const bytes = fromBase64Url(code)
    const head = bytes?.length === CODE_BYTES ? (bytes[0] ?? 0) : 0
    if (!bytes || head >> 4 !== VERSION || !this.#manager.ring.has(head & 0b1111)) return false
    return constantTimeEqual(this.#tagOf(head & 0b1111, bytes), bytes.slice(HEAD_BYTES))
  }

  #tagOf(slot: number, bytes: Uint8Array): Uint8Array {
    const head = bytes.slice(0, HEAD_BYTES)
    return this.#manager.ring.mac(`once ${this.#kind}`, slot, head).slice(0, CODE_BYTES - HEAD_BYTES)
  }

  #idOf(key: string): SessionId {
    const digest = sha256Bytes(this.#framed('id', key))
    return toBase64Url(digest.slice(0, ID_BYTES)) as SessionId
  }

  #hashOf(key: string): string {
    return sha256(this.#framed('hash', key))
  }

  #framed(use: string, key: string): Uint8Array {
    return framed(0, ['coatcheck once', use, this.#manager.settings.name, this.#kind, key])
  }
}
