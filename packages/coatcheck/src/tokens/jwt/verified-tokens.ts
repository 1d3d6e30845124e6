import type { AccessTokenClaims } from './claims.ts'
import type { VerificationKey } from './verification-keys.ts'

/** What does not change about a token once its signature has been found right. */
export interface VerifiedToken {
  readonly key: VerificationKey
  readonly claims: AccessTokenClaims
  /** Epoch milliseconds, the clock tolerance included: valid from `startsAt` to before `endsAt`. */
  readonly startsAt: number
  readonly endsAt: number
  /** Whether only the holder of a key may use it (`cnf`). */
  readonly bound: boolean
  /** The answer, made once. */
  readonly accepted: { readonly ok: true; readonly claims: AccessTokenClaims }
}

/**
 * Tokens whose signature has been verified, by a hash of their text, so that the cache holds no credential. Bounded by two
 * halves: when the younger one is full it becomes the older one, and what nobody has asked for since is forgotten.
 */
export class VerifiedTokens {
  readonly #half: number
  #young = new Map<string, VerifiedToken>()
  #old = new Map<string, VerifiedToken>()

  constructor(capacity: number) {
    this.#half = Math.ceil(capacity / 2)
  }

  get(hash: string): VerifiedToken | undefined {
    const young = this.#young.get(hash)
    if (young) return young
    const old = this.#old.get(hash)
    if (old) this.set(hash, old)
    return old
  }

  set(hash: string, token: VerifiedToken): void {
    if (this.#half === 0) return
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(hash, token)
  }

  delete(hash: string): void {
    this.#young.delete(hash)
    this.#old.delete(hash)
  }
}
