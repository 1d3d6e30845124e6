import { NearCache } from '../../cache/near-cache.ts'
import type { ApiKeyUse, ApiKeyVerdict, ApiKeyVerifier, VerifiedApiKey } from '../../core/api-key.ts'
import { parseApiKeyText } from '../../core/api-key-text.ts'
import { type Duration, toMilliseconds } from '../../core/duration.ts'
import { UsageError } from '../../core/errors.ts'
import type { EventName, Events, RequestContext, SessionEvent, SessionEvents } from '../../core/events.ts'
import { SessionManager } from '../../core/manager.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'
import type { Metric } from '../../core/metrics.ts'
import type { EndReason, SessionId } from '../../core/record.ts'
import type { StoreHealth } from '../../core/store.ts'
import { isSessionId } from '../../core/token.ts'
import { assertUserId } from '../../core/user-ids.ts'
import { type ApiKeysOptions, type ApiKeysSettings, resolveApiKeysOptions } from './api-key-options.ts'
import { type ApiKeyPage, type CreatedApiKey, KeyAdministration } from './key-administration.ts'
import type { ApiKeyInfo } from './key-record.ts'
import type { CreateApiKeyOptions } from './key-terms.ts'
import { KeyVerifier } from './key-verifier.ts'

/** Longest overlap that a rotation has unless it says otherwise. */
const OVERLAP: Duration = '7d'

/**
 * The API keys of one application over a store of their own. Nothing is opened yet: the first use does, or
 * `apiKeys.open()` at start-up. Whatever cannot work throws `ConfigError` here, with the option's path.
 *
 * @example
 * ```ts
 * import { sqlite } from 'coatcheck/sqlite'
 * import { createApiKeys } from 'coatcheck/tokens'
 *
 * const apiKeys = createApiKeys({ store: sqlite('./data/api-keys.db'), prefix: 'shop' })
 * const { text, key } = await apiKeys.create({ owner: 'ada', name: 'reports', scopes: ['orders:read'] })
 * ```
 */
export function createApiKeys(options: ApiKeysOptions): ApiKeys {
  return new ApiKeys(resolveApiKeysOptions(options))
}

/** Keys for programs: made once by `createApiKeys`, given to the guards of an adapter, asked for a request's key. */
export class ApiKeys implements ApiKeyVerifier {
  readonly allowsHttp: boolean
  readonly #settings: ApiKeysSettings
  readonly #manager: SessionManager
  readonly #verifier: KeyVerifier
  readonly #administration: KeyAdministration
  /** As for sessions: a property of the request, and a WeakMap for what takes none. */
  readonly #key = Symbol('coatcheck api key')
  readonly #byCarrier = new WeakMap<object, VerifiedApiKey>()

  constructor(settings: ApiKeysSettings) {
    const { core } = settings
    const cache = core.nearCache && new NearCache(core.nearCache)
    this.allowsHttp = settings.allowsHttp
    this.#settings = settings
    this.#manager = new SessionManager(core, settings.allowsHttp ? [UNSAFE_HTTP] : [], cache)
    this.#verifier = new KeyVerifier(this.#manager, cache, settings)
    this.#administration = new KeyAdministration(this.#manager, settings)
  }

  /**
   * Makes a key. Its text is in the answer and nowhere else; show it once. Throws `ERR_USAGE` and `ERR_OPTION` for what cannot
   * be right, `StoreError` where the store fails.
   */
  async create(options: CreateApiKeyOptions): Promise<CreatedApiKey> {
    assertUserId(options.owner, null)
    await this.#manager.open()
    return this.#administration.create(options)
  }

  /**
   * A key with the same owner, name, scopes and networks, which lasts `expiresIn` (default: as long as the old one was given).
   * The old one goes on for `overlap` (default `'7d'`; 0: it ends now). `null` where no such key is live, or it has been
   * rotated already.
   */
  async rotate(
    id: string,
    options: { readonly overlap?: Duration; readonly expiresIn?: Duration } = {},
  ): Promise<CreatedApiKey | null> {
    const overlap = toMilliseconds(options.overlap ?? OVERLAP, 'overlap', 0)
    if (!isSessionId(id)) return null
    await this.#manager.open()
    return this.#administration.rotate(id, overlap, options.expiresIn ?? null)
  }

  /** One live key by its id, or `null`. */
  async find(id: string): Promise<ApiKeyInfo | null> {
    if (!isSessionId(id)) return null
    await this.#manager.open()
    return this.#administration.find(id)
  }

  /** Live keys of an owner, newest first, in pages of at most 1,000 (default 100); a page may have fewer, and still not be the last. */
  async list(
    owner: string,
    page: { readonly limit?: number; readonly cursor?: string | null } = {},
  ): Promise<ApiKeyPage> {
    assertUserId(owner, null)
    const limit = Math.min(Math.max(1, Math.trunc(page.limit ?? 100)), 1_000)
    await this.#manager.open()
    return this.#administration.list(owner, { limit, cursor: page.cursor ?? null })
  }

  /** Live keys of every owner, in an order that means nothing: for administration. Pages as those of `sessions.listAll`. */
  async listAll(
    page: { readonly limit?: number; readonly cursor?: string | null } = {},
  ): Promise<ApiKeyPage> {
    const limit = Math.min(Math.max(1, Math.trunc(page.limit ?? 100)), 1_000)
    await this.#manager.open()
    return this.#administration.listAll({ limit, cursor: page.cursor ?? null })
  }

  /** Ends a key at once; `false` if none of that id (and, with `ofOwner`, of that owner) was live. */
  revoke(
    id: string,
    options: { readonly reason?: EndReason; readonly ofOwner?: string } = {},
  ): Promise<boolean> {
    const { reason = 'revoked', ofOwner } = options
    return this.#manager.revoke(id, { reason, ...(ofOwner === undefined ? {} : { ofUser: ofOwner }) })
  }

  /** Ends all keys of an owner at once; answers how many. */
  revokeOwner(owner: string, options: { readonly reason?: EndReason } = {}): Promise<number> {
    return this.#manager.revokeUser(owner, options)
  }

  /** Ends every key in the store at once. */
  revokeEveryone(options: { readonly reason?: EndReason } = {}): Promise<void> {
    return this.#manager.revokeEveryone(options)
  }

  /**
   * The key that a text stands for, or why it is not accepted: form and checksum first, which cost no look-up. Answers at once
   * on a hit of the near cache, and where the store does. Throws `StoreError` where the store fails, and what the hook
   * `rateLimit` throws.
   */
  verify(text: unknown, use?: ApiKeyUse): MaybePromise<ApiKeyVerdict> {
    const ready = this.#manager.ready()
    return ready instanceof Promise
      ? ready.then(() => this.#verifier.verify(text, use))
      : this.#verifier.verify(text, use)
  }

  /**
   * The id of a key of this prefix by its text, `null` for what is none: for one that a secret scanner has found. Its form and
   * checksum are looked at, not whether there is such a key, nor whether it has this secret.
   */
  idOf(text: string): SessionId | null {
    return parseApiKeyText(this.#settings.prefix, text)?.id ?? null
  }

  /** The key of a request (`req`, `request`, `ctx`, `c`) that a guard has let pass; `ERR_USAGE` where none has. */
  of(carrier: object): VerifiedApiKey {
    const key = (carrier as Carrier)[this.#key] ?? this.#byCarrier.get(carrier)
    if (key) return key
    throw new UsageError('ERR_USAGE', 'This request has no API key: mount requireApiKey before the handler.')
  }

  attach(carrier: object, key: VerifiedApiKey): void {
    if (Object.isExtensible(carrier)) (carrier as Carrier)[this.#key] = key
    else this.#byCarrier.set(carrier, key)
  }

  report(what: 'ambiguous' | 'insecure' | 'in-url', context: RequestContext): void {
    const at = this.#settings.core.environment.now()
    const about = { at, sessionId: null, userId: null, context }
    if (what === 'in-url') this.#manager.events.emit('token-in-url', about)
    else this.#manager.events.emit('token-refused', { ...about, reason: what })
  }

  /** Subscribes to an event, or to all with `'*'`; returns the unsubscriber. In events `sessionId` is the key's id and `userId` its owner. */
  on<N extends EventName>(
    name: N,
    listener: (event: SessionEvents[N] & { readonly name: N }) => unknown,
  ): () => void
  on(name: '*', listener: (event: SessionEvent) => unknown): () => void
  on(...subscription: Parameters<Events['on']>): () => void {
    return this.#manager.events.on(...subscription)
  }

  /** Opens the store now, so that trouble shows at start-up instead of at the first request. */
  open(): Promise<void> {
    return this.#manager.open()
  }

  /** Records what is still to be recorded and releases the store. */
  async close(): Promise<void> {
    await this.#verifier.flush()
    await this.#manager.close()
  }

  /** Waits until uses noted so far are in the store. */
  flush(): Promise<void> {
    return this.#verifier.flush()
  }

  /** Ends what is past its deadline now; answers how many keys. */
  sweep(): Promise<number> {
    return this.#manager.sweep()
  }

  /** What this process has counted, under the same names as for sessions: `combineMetrics` tells them apart. */
  metrics(): readonly Metric[] {
    return this.#manager.metrics()
  }

  health(): Promise<StoreHealth> {
    return this.#manager.health()
  }
}

const UNSAFE_HTTP = Object.freeze({
  option: 'unsafeAllowHttp',
  consequence: 'anybody on the network path can take a key',
})

interface Carrier {
  [key: symbol]: VerifiedApiKey | undefined
}
