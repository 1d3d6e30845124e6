// Signed access tokens
export {
  type AccessTokenContent,
  type AccessTokenIssuer,
  type SignedAccessToken,
  signAccessToken,
  type TokenSigner,
} from './jwt/access-token.ts'
export type { AccessTokenClaims, AccessTokenRevocation } from './jwt/claims.ts'
