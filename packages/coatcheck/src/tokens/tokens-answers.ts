import type { RequestContext } from '../core/events.ts'
import type { Proof } from '../core/proof.ts'
import type { SessionId } from '../core/record.ts'
import type { PresentError } from './refresh-tokens.ts'

/** A key that the client has proven to hold, as `createDpop().verify` answers it; with `spend` where its proof still has to be counted as used. */
export type ProvenKey = Pick<Proof, 'jkt'> & Partial<Proof>

export interface RefreshRequest {
  /** Whose key the request was made with: needed for a token that is bound to one. */
  readonly proof?: ProvenKey | null
  /** Where the client says who it is, it must be the one that the token was issued to. */
  readonly clientId?: string
  /** A part of what was granted, for this access token alone. Default all. */
  readonly scope?: string | readonly string[]
  readonly audience?: string | readonly string[]
  /** Who asks, for events. */
  readonly context?: RequestContext
}

/** An access token, by the names of RFC 6749, section 5.1. */
export interface AccessToken {
  readonly accessToken: string
  readonly tokenType: 'Bearer' | 'DPoP'
  /** Seconds. */
  readonly expiresIn: number
  readonly scope: string
}

export interface TokenSet extends AccessToken {
  /** The token to refresh with from now on; may be the one that was presented. */
  readonly refreshToken: string
  /** Seconds until the family, or its session, is over for good, however often it is used. */
  readonly refreshExpiresIn: number
  /** Public id of the family, for `list` and `revokeFamily`. */
  readonly familyId: SessionId
}

/** Why no tokens are given, in the words of RFC 6749 (5.2), RFC 8707 and RFC 9449. */
export type TokenError = PresentError | 'invalid_scope' | 'invalid_target'

export type TokenResult =
  | ({ readonly ok: true } & TokenSet)
  | { readonly ok: false; readonly error: TokenError }

/** A key whose proof can be spent. */
export function toProof(key: ProvenKey | null | undefined): Proof | null {
  return key ? { jkt: key.jkt, spend: () => key.spend?.() ?? true } : null
}

export type Refusal = Extract<TokenResult, { ok: false }>

export function refusal(error: TokenError): Refusal {
  return { ok: false, error }
}

/** Tokens as a token endpoint answers them (RFC 6749, section 5.1), for `setTokens` of `coatcheck/client`: to be sent as JSON, with `Cache-Control: no-store`. */
export function tokenResponse({
  accessToken,
  tokenType,
  expiresIn,
  scope,
  refreshToken,
  refreshExpiresIn,
}: TokenSet): TokenResponse {
  return {
    access_token: accessToken,
    token_type: tokenType,
    expires_in: expiresIn,
    ...(scope === '' ? {} : { scope }),
    refresh_token: refreshToken,
    refresh_token_expires_in: refreshExpiresIn,
  }
}

/** By RFC 6749, section 5.1. Lives in seconds. */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer' | 'DPoP'
  readonly expires_in: number
  readonly scope?: string
  readonly refresh_token: string
  readonly refresh_token_expires_in: number
}
