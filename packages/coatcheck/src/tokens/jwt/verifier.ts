import { chain, type MaybePromise } from '../../core/maybe-promise.ts'
import { sha256Text } from '../../core/platform.ts'
import { ACCESS_TOKEN_TYPE } from './access-token.ts'
import { isFor, toAccessTokenClaims } from './claim-rules.ts'
import type { AccessTokenClaims } from './claims.ts'
import type { UnverifiedToken } from './compact.ts'
import { type Denial, DenyList } from './deny-list.ts'
import { type SignatureFault, verifySigned } from './signed-token.ts'
import type { VerificationKey } from './verification-keys.ts'
import { type VerifiedToken, VerifiedTokens } from './verified-tokens.ts'
import {
  type AccessTokenVerifierOptions,
  resolveVerifierOptions,
  type VerifierSettings,
} from './verifier-options.ts'

/**
 * Why a token was refused: for logs and metrics. Tell the client only `401` and `invalid_token`, whichever it is; `encrypted` is
 * a JWE, which is not supported.
 */
export type AccessTokenRefusal =
  | SignatureFault
  | 'claims'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not-yet-valid'
  | 'too-long-lived'
  | 'bound'
  | 'revoked'

export interface VerifyOptions {
  /**
   * That the caller checks the proof of possession which a token with `cnf` needs, as `dpop.authenticate` does. Otherwise such a token is
   * refused: taken as it is, it would serve whoever has stolen it (RFC 9449, section 7.2).
   */
  readonly checksProof?: boolean
}

/** The claims of a token that may be relied on, or why there are none. */
export type AccessTokenVerification =
  | { readonly ok: true; readonly claims: AccessTokenClaims }
  | { readonly ok: false; readonly reason: AccessTokenRefusal }

/**
 * Verifies the access tokens of one issuer for one service (RFC 9068, section 4; RFC 8725 and its revision). Whatever cannot
 * work throws `ERR_OPTION` here.
 *
 * @example
 * ```ts
 * import { createAccessTokenVerifier } from 'coatcheck/tokens'
 *
 * const verifier = createAccessTokenVerifier({
 *   issuer: 'https://accounts.example.com',
 *   audience: 'https://orders.example.com',
 *   jwks: 'https://accounts.example.com/jwks.json',
 * })
 * ```
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): AccessTokenVerifier {
  return new AccessTokenVerifier(resolveVerifierOptions(options))
}

/** Made by `createAccessTokenVerifier`; keep one for the life of the process. */
export class AccessTokenVerifier {
  readonly #settings: VerifierSettings
  readonly #verified: VerifiedTokens
  readonly #denied: DenyList

  /** @internal */
  constructor(settings: VerifierSettings) {
    this.#settings = settings
    this.#verified = new VerifiedTokens(settings.cacheSize)
    this.#denied = new DenyList(settings.issuer, settings.environment, settings.denyListSize)
  }

  /**
   * What the token proves now. Of a token that was verified before the answer comes at once, without a promise: its signature
   * is remembered, and its life, the deny-list and `revocation` are looked at each time. A refusal is a value; throws
   * `ERR_KEYS_UNAVAILABLE` where the keys cannot be had, and what `revocation` throws: answer with 503, not with 401.
   */
  verify(token: string, { checksProof = false }: VerifyOptions = {}): MaybePromise<AccessTokenVerification> {
    if (typeof token !== 'string') return refusal('malformed')
    if (token.length > this.#settings.maxTokenLength) return refusal('too-large')
    const hash = sha256Text(token)
    const known = this.#verified.get(hash)
    if (known && this.#settings.keys.holds(known.key)) return this.#judge(known, token, hash, checksProof)
    return this.#verifyAnew(token, hash, checksProof)
  }

  /**
   * Refuses the tokens of a session (`sid`) or one token (`jti`) from now on until `until`, in this process. Throws `ERR_USAGE`
   * for another issuer, and `ERR_STORE_FULL` where the list is full: it forgets nothing to make room.
   */
  deny(denial: Denial): void {
    this.#denied.add(denial)
  }

  #verifyAnew(token: string, hash: string, checksProof: boolean): MaybePromise<AccessTokenVerification> {
    return chain(verifySigned(token, ACCESS_TOKEN_TYPE, this.#settings), (signed) => {
      if (typeof signed === 'string') return refusal(signed)
      const verified = this.#accept(signed, signed.key)
      if (typeof verified === 'string') return refusal(verified)
      this.#verified.set(hash, verified)
      return this.#judge(verified, token, hash, checksProof)
    })
  }

  /** What stays true of a token whose signature is right. */
  #accept(token: Pick<UnverifiedToken, 'claims'>, key: VerificationKey): VerifiedToken | AccessTokenRefusal {
    const { issuer, audience, clockTolerance, longestLife } = this.#settings
    const claims = toAccessTokenClaims(token.claims)
    if (!claims) return 'claims'
    if (claims.iss !== issuer) return 'issuer'
    if (!isFor(claims, audience)) return 'audience'
    if ((claims.exp - claims.iat) * 1000 > longestLife) return 'too-long-lived'
    return {
      key,
      claims,
      startsAt: Math.max(claims.iat, claims.nbf ?? 0) * 1000 - clockTolerance,
      endsAt: claims.exp * 1000 + clockTolerance,
      bound: claims.cnf !== undefined,
      accepted: Object.freeze({ ok: true, claims }),
    }
  }

  /** What may change from one moment to the next. */
  #judge(
    token: VerifiedToken,
    text: string,
    hash: string,
    checksProof: boolean,
  ): MaybePromise<AccessTokenVerification> {
    const { environment, revocation } = this.#settings
    const now = environment.now()
    if (now >= token.endsAt) {
      this.#verified.delete(hash)
      return refusal('expired')
    }
    if (now < token.startsAt) return refusal('not-yet-valid')
    if (token.bound && !checksProof) return refusal('bound')
    if (this.#denied.has(token.claims.jti, token.claims.sid)) return refusal('revoked')
    if (!revocation) return token.accepted
    return chain(revocation.isRevoked(token.claims, text), (revoked) =>
      revoked === false ? token.accepted : refusal('revoked'),
    )
  }
}

function refusal(reason: AccessTokenRefusal): AccessTokenVerification {
  return { ok: false, reason }
}
