// Signed access tokens
export {
  type AccessTokenContent,
  type AccessTokenIssuer,
  type SignedAccessToken,
  signAccessToken,
  type TokenSigner,
} from './jwt/access-token.ts'
export type { AccessTokenClaims, AccessTokenRevocation } from './jwt/claims.ts'
export type { Denial } from './jwt/deny-list.ts'
export { type JwksDocument, jwksDocument } from './jwt/jwks-document.ts'
export type { KeyRingOptions } from './jwt/key-ring-options.ts'
export type { RemoteJwksOptions } from './jwt/remote-keys.ts'
export type { SigningAlgorithm } from './jwt/ring-content.ts'
export { ephemeralSigningKeys, type SigningKeyStorage, signingKeyFile } from './jwt/ring-storage.ts'
export {
  createKeyRing,
  type KeyRotation,
  type SigningKeyInfo,
  type SigningKeyRing,
} from './jwt/signing-key-ring.ts'
export type { VerificationAlgorithm, VerificationKey, VerificationKeys } from './jwt/verification-keys.ts'
export {
  type AccessTokenRefusal,
  type AccessTokenVerification,
  type AccessTokenVerifier,
  createAccessTokenVerifier,
} from './jwt/verifier.ts'
export type { AccessTokenVerifierOptions, JsonWebKeySet } from './jwt/verifier-options.ts'
// Tokens that hang on sessions
export { createLiveness, type Liveness, type LivenessOptions } from './liveness.ts'
export type { FamilyPage } from './refresh-tokens.ts'
export type { RefreshFamily } from './refresh-tokens-family.ts'
export type { TokenRequestOptions } from './token-endpoint.ts'
export {
  type AccessTokenRequest,
  createTokens,
  type SessionHandle,
  type TokenClient,
  type Tokens,
} from './tokens.ts'
export type { AccessToken, RefreshRequest, TokenError, TokenResult, TokenSet } from './tokens-answers.ts'
export type { RefreshOptions, TokensOptions } from './tokens-options.ts'
