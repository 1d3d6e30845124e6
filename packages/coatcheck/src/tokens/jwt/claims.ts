import type { Json, JsonFields } from '../../core/json.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'

/** Claims of an access token whose signature, issuer, audience and life have been checked (RFC 9068, section 2.2). Frozen. */
export interface AccessTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly client_id: string
  /** Seconds since 1970. */
  readonly iat: number
  readonly exp: number
  readonly nbf?: number
  readonly jti: string
  readonly scope?: string
  /** The session that the token hangs on. */
  readonly sid?: string
  /** The refresh family that it was issued with. */
  readonly fam?: string
  readonly cnf?: JsonFields
  readonly auth_time?: number
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly [claim: string]: Json | undefined
}

/** Says which tokens have lost their validity before their `exp` (JWT-14). Asked at each verification, also of a cached signature. */
export interface AccessTokenRevocation {
  /**
   * Whether the token may not be used any more. Answers at once where it can, since the verifier then does, too. Throws where
   * it cannot tell, and so does `verify`: nobody is let in on a guess. `token` is its text, for asking the issuer (RFC 7662).
   */
  isRevoked(claims: AccessTokenClaims, token: string): MaybePromise<boolean>
}
