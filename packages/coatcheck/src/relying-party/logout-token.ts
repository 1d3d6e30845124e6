import type { JsonFields } from '../core/json.ts'
import { type SignatureFault, verifySigned } from '../tokens/jwt/signed-token.ts'
import { isJsonObject } from '../tokens/jwt/strict-json.ts'
import { type ClaimFault, claimFault, type TokenAudience } from './id-token.ts'
import type { Whom } from './journal.ts'

/** What the provider says in a notice of logout. */
export interface LogoutNotice {
  readonly whom: Whom
  readonly jti: string
  /** Epoch seconds. */
  readonly issuedAt: number
}

/** Why a logout token was refused: for logs. */
export type LogoutTokenFault = SignatureFault | ClaimFault | 'events' | 'nonce'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

const LOGOUT_TOKEN_TYPE = 'logout+jwt'

/** OpenID Connect Back-Channel Logout, section 2.6 (SSO-03), but for whether it was used before. */
export async function verifyLogoutToken(
  token: string,
  settings: TokenAudience,
  now: number,
): Promise<LogoutNotice | LogoutTokenFault> {
  const signed = await verifySigned(token, LOGOUT_TOKEN_TYPE, settings)
  if (typeof signed === 'string') return signed
  const { claims } = signed
  const fault = claimFault(claims, settings, now)
  if (fault) return fault
  if (!isJsonObject(claims.events) || !isJsonObject(claims.events[EVENT])) return 'events'
  // It would be an ID token, which a browser has and may send anywhere.
  if (Object.hasOwn(claims, 'nonce')) return 'nonce'
  const { jti, iat } = claims
  const whom = whomOf(claims)
  if (!isText(jti) || whom === null) return 'claims'
  return { whom, jti, issuedAt: iat as number }
}

/** The session where one is named, else everything of the user. */
function whomOf({ sid, sub }: JsonFields): Whom | null {
  if (sid !== undefined) return isText(sid) && (sub === undefined || isText(sub)) ? { sid } : null
  return isText(sub) ? { subject: sub } : null
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
