import { framed, toBase64Url } from './encoding.ts'
import { StoreError } from './errors.ts'
import type { JsonFields } from './json.ts'
import type { SessionManager } from './manager.ts'
import { constantTimeEqual, sha256, sha256Bytes } from './platform.ts'
import type { SessionId } from './record.ts'
import type { NewSession } from './store.ts'
import { newSecret } from './token.ts'

const ID_BYTES = 16

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

  /** A code of 192 random bits, 32 characters of base64url, that brings `data` back once within `expiresIn` milliseconds. */
  async issue(data: JsonFields, expiresIn: number): Promise<string> {
    const code = toBase64Url(newSecret(this.#manager.settings.environment))
    if (await this.#create(code, data, expiresIn)) return code
    throw new StoreError('ERR_STORE_UNAVAILABLE', 'A new code already existed in the store.', {
      retryable: true,
    })
  }

  /** What the code was made with, for the first who asks; `null` for anybody else, and for what is no code. */
  async redeem(code: string): Promise<JsonFields | null> {
    await this.#manager.open()
    const id = this.#idOf(code)
    const found = await this.#manager.store.find(id)
    if (found.status !== 'live') return null
    const { record } = found
    if (!constantTimeEqual(record.rotation.secretHash, this.#hashOf(code))) return null
    const ended = await this.#manager.store.call('end', id, { reason: USED })
    return ended.outcome === 'ended' ? record.data : null
  }

  /** Whether somebody has redeemed the code before, as far as the store remembers (option `tombstoneRetention`). */
  async wasUsed(code: string): Promise<boolean> {
    await this.#manager.open()
    const found = await this.#manager.store.find(this.#idOf(code))
    return found.status === 'ended' && found.tombstone.reason === USED
  }

  /** Whether nobody has come with this key within the last `within` milliseconds. */
  first(key: string, within: number): Promise<boolean> {
    return this.#create(key, {}, within)
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
