import type { ApiKeyRefusal, ApiKeyUse, ApiKeyVerdict } from '../../core/api-key.ts'
import { apiKeyLength, type ParsedApiKey, parseApiKeyText } from '../../core/api-key-text.ts'
import { utf8 } from '../../core/encoding.ts'
import type { RequestContext, SessionEvents } from '../../core/events.ts'
import type { SessionManager } from '../../core/manager.ts'
import { chain, finallyOf, type MaybePromise } from '../../core/maybe-promise.ts'
import { constantTimeEqual } from '../../core/platform.ts'
import type { SessionId, SessionRecord } from '../../core/record.ts'
import type { Hit, SessionCache } from '../../core/session-cache.ts'
import type { FindResult, Live } from '../../core/store.ts'
import { hashSecret } from '../../core/token.ts'
import { Touches } from '../../core/touches.ts'
import type { ApiKeysSettings, RateLimitHook } from './api-key-options.ts'
import { GuessLimit } from './guess-limit.ts'
import { overFrom, UsableKey } from './key-record.ts'
import { RateTable } from './rate-table.ts'

/** Keys whose rate is counted at once. */
const MOST_LIMITED = 100_000

/** Keys that are known to have been good here. */
const MOST_PROVEN = 10_000

/** Longest that a key is used from memory before its record is read again, in milliseconds. */
const LONGEST_KEPT = 86_400_000

const NO_USE: ApiKeyUse = Object.freeze({})

/** What the record keeps of a key's secret: another kind of hash than a session's, so that neither is ever taken for the other. */
export function hashApiKey(prefix: string, id: SessionId, secret: string): string {
  return hashSecret('api-key', id, utf8(secret), { name: prefix, slot: 0 })
}

/** From a text to a key, or the reason why not. Answers at once on a hit of the near cache, and where the store does. */
export class KeyVerifier {
  readonly #manager: SessionManager
  readonly #cache: SessionCache | null
  readonly #settings: ApiKeysSettings
  readonly #length: number
  readonly #touches: Touches
  readonly #guesses: GuessLimit
  readonly #rateLimit: RateLimitHook | null
  /** Hashes of keys that the store has lately called good, by id, oldest first: whoever has one of these guesses nothing. */
  readonly #proven = new Map<SessionId, string>()
  /** By the record that the near cache has made for many uses. */
  readonly #usable = new WeakMap<SessionRecord, UsableKey>()

  constructor(manager: SessionManager, cache: SessionCache | null, settings: ApiKeysSettings) {
    const { environment } = settings.core
    this.#manager = manager
    this.#cache = cache
    this.#settings = settings
    this.#length = apiKeyLength(settings.prefix)
    this.#touches = new Touches(manager.store, environment)
    this.#guesses = new GuessLimit({
      environment,
      rate: settings.guessLimit,
      report: (source, attempts) => this.#reportGuesses(source, attempts),
    })
    const { rateLimit } = settings
    if (rateLimit === null || typeof rateLimit === 'function') this.#rateLimit = rateLimit
    else {
      const rates = new RateTable(environment, rateLimit, MOST_LIMITED)
      this.#rateLimit = (key) => rates.take(key.id)
    }
  }

  verify(text: unknown, use: ApiKeyUse = NO_USE): MaybePromise<ApiKeyVerdict> {
    if (typeof text !== 'string' || text.length !== this.#length) return this.#notOurs(use)
    const hit = this.#cache?.hit(text, 'bearer')
    return hit ? this.#useFromCache(hit, use) : this.#lookUp(text, use)
  }

  flush(): Promise<void> {
    return this.#touches.flush()
  }

  #useFromCache(hit: Hit, use: ApiKeyUse): MaybePromise<ApiKeyVerdict> {
    const { record } = hit.source
    let usable = this.#usable.get(record)
    if (!usable) {
      usable = new UsableKey(record)
      this.#usable.set(record, usable)
    }
    return this.#use(usable, use, hit.touchDue)
  }

  #notOurs(use: ApiKeyUse): ApiKeyVerdict {
    return this.#tooManyGuesses(use) ?? this.#miss('malformed', use)
  }

  #lookUp(text: string, use: ApiKeyUse): MaybePromise<ApiKeyVerdict> {
    const parsed = parseApiKeyText(this.#settings.prefix, text)
    const wait = parsed !== null && this.#isProven(parsed, use) ? null : this.#tooManyGuesses(use)
    if (wait) return wait
    if (parsed === null) return this.#miss('malformed', use)
    const { store } = this.#manager
    const cache = this.#cache
    if (cache === null) return chain(store.find(parsed.id), (found) => this.#judge(found, parsed, use, null))
    const reading = cache.reading(parsed.id)
    const keep = (live: Live, until: number) =>
      cache.keep(reading, text, live, { until, touchInterval: this.#settings.touchInterval })
    return chain(
      finallyOf(
        () => store.find(parsed.id),
        () => cache.done(reading),
      ),
      (found) => this.#judge(found, parsed, use, keep),
    )
  }

  #judge(
    found: FindResult,
    { id, secret }: ParsedApiKey,
    use: ApiKeyUse,
    keep: ((live: Live, until: number) => void) | null,
  ): MaybePromise<ApiKeyVerdict> {
    if (found.status !== 'live') return this.#notLive(found, id, use)
    const { record, now } = found
    const hash = hashApiKey(this.#settings.prefix, id, secret)
    if (!constantTimeEqual(record.rotation.secretHash, hash)) return this.#miss('unknown', use)
    const over = overFrom(record)
    if (now >= over) return this.#endOverlap(record, use)
    this.#noteProven(id, hash)
    keep?.(found, Math.min(over, now + LONGEST_KEPT))
    return this.#use(new UsableKey(record), use, now - record.lastSeenAt >= this.#settings.touchInterval)
  }

  #notLive(
    found: Exclude<FindResult, { readonly status: 'live' }>,
    id: SessionId,
    use: ApiKeyUse,
  ): ApiKeyVerdict {
    this.#cache?.changed(id)
    this.#proven.delete(id)
    if (found.status === 'unknown') return this.#miss('unknown', use)
    const { reason, userId } = found.tombstone
    if (found.justEnded) this.#emit('ended', { id, userId }, use, { reason })
    // Whether this was its secret is not known any more.
    return this.#miss(reason === 'absolute' || reason === 'idle' ? 'expired' : 'ended', use)
  }

  /** The end is in the store before anybody hears of it, so that no step of a clock brings the key back (P1). */
  async #endOverlap(record: SessionRecord, use: ApiKeyUse): Promise<ApiKeyVerdict> {
    await this.#manager.revoke(record.id, { reason: 'replaced' })
    return this.#refuse('expired', record, use)
  }

  #use(usable: UsableKey, use: ApiKeyUse, touchDue: boolean): MaybePromise<ApiKeyVerdict> {
    const { key } = usable
    if (!usable.allowsFrom(use.address ?? null)) return this.#refuse('network', subjectOf(key), use)
    if (use.scopes && !usable.hasScopes(use.scopes)) return this.#refuse('scope', subjectOf(key), use)
    if (this.#rateLimit === null) return this.#accept(key, touchDue)
    return chain(this.#rateLimit(key, use), (wait) =>
      wait === null || wait <= 0
        ? this.#accept(key, touchDue)
        : this.#refuse('rate-limited', subjectOf(key), use, wait),
    )
  }

  #accept(key: UsableKey['key'], touchDue: boolean): ApiKeyVerdict {
    if (touchDue) {
      this.#touches.note(key.id)
      this.#cache?.used(key.id)
    }
    return { ok: true, key }
  }

  /** Whoever has come with too much that is no key waits: then the store is not asked for what may be the next guess. */
  #tooManyGuesses(use: ApiKeyUse): ApiKeyVerdict | null {
    const retryAfter = this.#guesses.waitOf(use.address ?? null)
    return retryAfter > 0 ? { ok: false, reason: 'rate-limited', retryAfter } : null
  }

  /** Whether guesses of others are no reason to let this one wait. Costs a hash only where somebody has guessed too often. */
  #isProven({ id, secret }: ParsedApiKey, use: ApiKeyUse): boolean {
    const hash = this.#guesses.limits(use.address ?? null) ? this.#proven.get(id) : undefined
    return hash !== undefined && constantTimeEqual(hash, hashApiKey(this.#settings.prefix, id, secret))
  }

  #noteProven(id: SessionId, hash: string): void {
    this.#proven.delete(id)
    this.#proven.set(id, hash)
    const [oldest] = this.#proven.keys()
    if (this.#proven.size > MOST_PROVEN && oldest !== undefined) this.#proven.delete(oldest)
  }

  /** Not an event each: they come in thousands, and say nothing of anybody. */
  #miss(reason: ApiKeyRefusal, use: ApiKeyUse): ApiKeyVerdict {
    this.#guesses.missed(use.address ?? null)
    return { ok: false, reason, retryAfter: 0 }
  }

  #refuse(
    reason: Exclude<ApiKeyRefusal, 'malformed' | 'unknown' | 'ended'>,
    subject: { readonly id: SessionId; readonly userId: string | null },
    use: ApiKeyUse,
    retryAfter = 0,
  ): ApiKeyVerdict {
    this.#emit('token-refused', subject, use, { reason })
    return { ok: false, reason, retryAfter }
  }

  #emit<N extends 'ended' | 'token-refused' | 'keys-guessed'>(
    name: N,
    subject: { readonly id: SessionId | null; readonly userId: string | null },
    { context = null }: { readonly context?: RequestContext | null },
    details: Omit<SessionEvents[N], 'at' | 'sessionId' | 'userId' | 'context'>,
  ): void {
    const at = this.#settings.core.environment.now()
    const event = { at, sessionId: subject.id, userId: subject.userId, context, ...details }
    this.#manager.events.emit(name, event as unknown as SessionEvents[N])
  }

  #reportGuesses(source: string | null, attempts: number): void {
    this.#emit('keys-guessed', { id: null, userId: null }, NO_USE, { source, attempts })
  }
}

function subjectOf(key: UsableKey['key']): { readonly id: SessionId; readonly userId: string } {
  return { id: key.id, userId: key.owner }
}
