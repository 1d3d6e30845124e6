import { parseApiKeyText, toApiKeyText } from '../../core/api-key-text.ts'
import type { Duration } from '../../core/duration.ts'
import { toBase64Url } from '../../core/encoding.ts'
import { StoreError } from '../../core/errors.ts'
import type { SessionEvents } from '../../core/events.ts'
import type { SessionManager } from '../../core/manager.ts'
import type { SessionId, SessionRecord } from '../../core/record.ts'
import type { ListResult, Live } from '../../core/store.ts'
import { newSecret, newSessionId } from '../../core/token.ts'
import type { ApiKeysSettings } from './api-key-options.ts'
import {
  type ApiKeyInfo,
  hasEnd,
  type KeyTerms,
  overFrom,
  replacement,
  toKeyData,
  toKeyInfo,
} from './key-record.ts'
import { type CreateApiKeyOptions, lifeOf, resolveTerms } from './key-terms.ts'
import { hashApiKey } from './key-verifier.ts'

/** A key that was just made, and the only moment at which its text is known: show it, and keep it nowhere. */
export interface CreatedApiKey {
  readonly text: string
  readonly key: ApiKeyInfo
}

export interface ApiKeyPage {
  readonly keys: readonly ApiKeyInfo[]
  /** Where the next page starts; `null` at the end. */
  readonly cursor: string | null
}

/** Makes, rotates and lists keys: a record of the store each, whose user is the key's owner. */
export class KeyAdministration {
  readonly #manager: SessionManager
  readonly #settings: ApiKeysSettings

  constructor(manager: SessionManager, settings: ApiKeysSettings) {
    this.#manager = manager
    this.#settings = settings
  }

  create(options: CreateApiKeyOptions): Promise<CreatedApiKey> {
    return this.#create(options.owner, resolveTerms(options), lifeOf(options.expiresIn ?? null))
  }

  /** `null` where there is no such key, or it has a successor already: of two rotations at once one comes too late. */
  async rotate(id: SessionId, overlap: number, expiresIn: Duration | null): Promise<CreatedApiKey | null> {
    const old = await this.#live(id)
    const info = old && this.#toInfo(old)
    if (!info || (await this.#hasSuccessor(info))) return null
    const created = await this.#create(info.owner, info, lifeOf(expiresIn ?? lifeBefore(old.record)))
    const validUntil = old.now + overlap
    if (!(await this.#markReplaced(info, created.key.id, validUntil))) return null
    this.#emit('key-rotated', info, { replacedBy: created.key.id, validUntil })
    if (overlap === 0) await this.#manager.revoke(id, { reason: 'replaced' })
    return created
  }

  /** A live key of this prefix, or `null`. */
  async find(id: SessionId): Promise<ApiKeyInfo | null> {
    const live = await this.#live(id)
    return live && this.#toInfo(live)
  }

  async list(
    owner: string,
    page: { readonly limit: number; readonly cursor: string | null },
  ): Promise<ApiKeyPage> {
    return this.#page(await this.#manager.store.call('list', owner, page))
  }

  async listAll(page: { readonly limit: number; readonly cursor: string | null }): Promise<ApiKeyPage> {
    return this.#page(await this.#manager.store.call('scan', page))
  }

  async #page({ sessions, cursor, now }: ListResult): Promise<ApiKeyPage> {
    const keys: ApiKeyInfo[] = []
    for (const record of sessions) {
      const info = this.#toInfo({ record })
      if (info && now >= overFrom(record)) await this.#manager.revoke(record.id, { reason: 'replaced' })
      else if (info) keys.push(info)
    }
    return { keys, cursor }
  }

  async #create(
    owner: string,
    terms: KeyTerms,
    { life, ends }: { readonly life: number; readonly ends: boolean },
  ): Promise<CreatedApiKey> {
    const { prefix, core, touchInterval } = this.#settings
    const id = newSessionId(core.environment, owner)
    const text = toApiKeyText(prefix, id, newSecret(core.environment))
    const parsed = parseApiKeyText(prefix, text)
    const result = await this.#manager.store.call('create', {
      id,
      secretHash: hashApiKey(prefix, id, parsed?.secret ?? ''),
      userId: owner,
      lifetime: 'signedIn',
      // A use that is not recorded for an interval ends nothing.
      idleTimeout: life + touchInterval,
      absoluteTimeout: life,
      authenticated: false,
      authentication: { methods: [], level: null },
      transport: 'bearer',
      device: { userAgent: null, address: null, label: null },
      data: toKeyData(prefix, terms, ends),
      schemaVersion: 1,
    })
    const key = result.outcome === 'ok' ? this.#toInfo(result) : null
    if (key === null) {
      throw new StoreError('ERR_STORE_UNAVAILABLE', 'A new key already existed in the store.', {
        retryable: true,
      })
    }
    this.#emit('created', key, {})
    return Object.freeze({ text, key })
  }

  /**
   * The new key is there before the old one's end is set, so that there is always one. What nobody has been shown is ended
   * again where that fails; the old key can be rotated once more then.
   */
  async #markReplaced({ id, replacedBy }: ApiKeyInfo, by: SessionId, validUntil: number): Promise<boolean> {
    try {
      const result = await this.#manager.store.call('mutate', id, replacement(replacedBy, by, validUntil), {
        operationId: toBase64Url(this.#settings.core.environment.randomBytes(12)),
        maxBytes: this.#settings.core.maxDataBytes,
      })
      if (result.outcome === 'ok') return true
    } catch (error) {
      await this.#manager.revoke(by).catch(() => false)
      throw error
    }
    await this.#manager.revoke(by)
    return false
  }

  async #hasSuccessor({ replacedBy }: ApiKeyInfo): Promise<boolean> {
    return replacedBy !== null && (await this.#live(replacedBy)) !== null
  }

  async #live(id: SessionId): Promise<Live | null> {
    const found = await this.#manager.store.find(id)
    return found.status === 'live' && found.now < overFrom(found.record) ? found : null
  }

  #toInfo({ record }: Pick<Live, 'record'>): ApiKeyInfo | null {
    return toKeyInfo(record, this.#settings.prefix)
  }

  #emit<N extends 'created' | 'key-rotated'>(
    name: N,
    { id, owner }: ApiKeyInfo,
    details: Omit<SessionEvents[N], 'at' | 'sessionId' | 'userId' | 'context'>,
  ): void {
    const at = this.#settings.core.environment.now()
    const event = { at, sessionId: id, userId: owner, context: null, ...details }
    this.#manager.events.emit(name, event as unknown as SessionEvents[N])
  }
}

/** As long as the key that is rotated was given. */
function lifeBefore(record: SessionRecord): number | null {
  return hasEnd(record) ? record.expiresAt - record.createdAt : null
}
