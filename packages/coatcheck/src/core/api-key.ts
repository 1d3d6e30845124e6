import type { RequestContext } from './events.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { SessionId } from './record.ts'

/** An API key that was verified. Frozen, and the same object for many requests. Instants: epoch milliseconds of the store's clock. */
export interface VerifiedApiKey {
  /** Public: safe in logs and URLs, useless as a credential. */
  readonly id: SessionId
  /** Whose key it is, as given to `create`. */
  readonly owner: string
  readonly name: string | null
  readonly scopes: readonly string[]
  readonly createdAt: number
  /** `null`: never. Of a key that was rotated, the end of the overlap. */
  readonly expiresAt: number | null
  /** Within one `touchInterval`; `null`: not used before. */
  readonly lastUsedAt: number | null
}

/** What a key is used for. */
export interface ApiKeyUse {
  /** Address of the client after proxy trust; `null` where it is unknown, which fits no key with `networks`. */
  readonly address?: string | null
  /** All of these must be among the key's. Default none. */
  readonly scopes?: readonly string[]
  /** For events. */
  readonly context?: RequestContext
}

/**
 * Why a key is not accepted. A remote caller is told no more than: not valid (401), not allowed (`scope`, 403), too fast
 * (`rate-limited`, 429).
 */
export type ApiKeyRefusal =
  | 'malformed'
  | 'unknown'
  | 'ended'
  | 'expired'
  | 'network'
  | 'scope'
  | 'rate-limited'

export type ApiKeyVerdict =
  | { readonly ok: true; readonly key: VerifiedApiKey }
  | {
      readonly ok: false
      readonly reason: ApiKeyRefusal
      /** Milliseconds until it makes sense to come back; 0 unless `rate-limited`. */
      readonly retryAfter: number
    }

/** What guards of HTTP routes need of the keys. */
export interface ApiKeyVerifier {
  /** Whether keys may come over plain HTTP beyond this machine. */
  readonly allowsHttp: boolean
  /** Answers at once where the near cache or the store does. Throws `StoreError` where the store fails. */
  verify(text: unknown, use?: ApiKeyUse): MaybePromise<ApiKeyVerdict>
  /** Lets `of` find the key by a request, `ctx` or the like. */
  attach(carrier: object, key: VerifiedApiKey): void
  /** Reports what is known of a request without looking at its key: refused for what came beside it, or a key in the URL. */
  report(what: 'ambiguous' | 'insecure' | 'in-url', context: RequestContext): void
}
