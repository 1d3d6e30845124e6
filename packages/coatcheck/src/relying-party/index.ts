export type { RemoteJwksOptions } from '../tokens/jwt/remote-keys.ts'
export type { VerificationAlgorithm, VerificationKeys } from '../tokens/jwt/verification-keys.ts'
export type { JsonWebKeySet, JwksOption } from '../tokens/jwt/verifier-options.ts'
export type { Identity } from './id-token.ts'
export type { LogoutAnswer, LogoutRequest } from './logout-receiver.ts'
export type { RelyingPartyOptions, TokenAnswer } from './options.ts'
export type { ProviderTokens } from './provider-tokens.ts'
export {
  type Admitted,
  type Arrival,
  type CallbackRequest,
  type CodeExchange,
  createRelyingParty,
  type Proof,
  type RelyingParty,
  type SignIn,
  type SignInBegun,
  type SignInRefusal,
} from './relying-party.ts'
export type { BeginOptions } from './transactions.ts'
