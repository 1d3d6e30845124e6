// Proofs of possession (DPoP)

// API keys
export type {
  ApiKeyRefusal,
  ApiKeyUse,
  ApiKeyVerdict,
  ApiKeyVerifier,
  VerifiedApiKey,
} from '../core/api-key.ts'
export { describeToken, type TokenDescription } from '../core/describe-token.ts'
export { kindOf, type TokenKind, withoutTokens } from '../core/token-forms.ts'
export type { ApiKeysOptions, RateLimitHook, RateOptions } from './api-keys/api-key-options.ts'
export { type ApiKeys, createApiKeys } from './api-keys/api-keys.ts'
export type { ApiKeyPage, CreatedApiKey } from './api-keys/key-administration.ts'
export type { ApiKeyInfo } from './api-keys/key-record.ts'
export type { CreateApiKeyOptions } from './api-keys/key-terms.ts'
export type { AccessAnswer, AccessVerifier, PresentedAccess } from './dpop/access.ts'
export { createDpop, type Dpop, type ProofAnswer, type ProvenRequest } from './dpop/dpop.ts'
export type { DpopOptions } from './dpop/dpop-options.ts'
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
  type VerifyOptions,
} from './jwt/verifier.ts'
export type { AccessTokenVerifierOptions, JsonWebKeySet } from './jwt/verifier-options.ts'
// Tokens that hang on sessions
export { createLiveness, type Liveness, type LivenessOptions } from './liveness.ts'
export type { FamilyPage } from './refresh-tokens.ts'
export type { RefreshFamily } from './refresh-tokens-family.ts'
export {
  type AuthenticationNeeds,
  checkAuthentication,
  type StepUpAnswer,
} from './step-up.ts'
export type { TokenRequestOptions } from './token-endpoint.ts'
export {
  type AccessTokenRequest,
  createTokens,
  type SessionHandle,
  type TokenClient,
  type Tokens,
} from './tokens.ts'
export {
  type AccessToken,
  type ProvenKey,
  type RefreshRequest,
  type TokenError,
  type TokenResponse,
  type TokenResult,
  type TokenSet,
  tokenResponse,
} from './tokens-answers.ts'
export type { RefreshOptions, TokensOptions } from './tokens-options.ts'
