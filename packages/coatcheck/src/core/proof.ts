import type { MaybePromise } from './maybe-promise.ts'

/** A proof that is right, but for its number: whether it comes for the first time shows when it is spent. */
export interface Proof {
  /** Thumbprint of the proven key (RFC 7638, SHA-256): 43 characters of base64url. Public. */
  readonly jkt: string
  /** Counts the proof as used; `false` where it was before. Called once somebody goes by it. */
  spend(): MaybePromise<boolean>
}
