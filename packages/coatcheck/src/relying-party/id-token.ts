import type { Json, JsonFields } from '../core/json.ts'
import { constantTimeEqual } from '../core/platform.ts'
import { ID_TOKEN_TYPE } from '../tokens/jwt/header-rules.ts'
import { type SignatureFault, type SignatureSettings, verifySigned } from '../tokens/jwt/signed-token.ts'

/** Whom a provider has signed in. */
export interface Identity {
  readonly issuer: string
  /** `sub`: who it is at this issuer, and at no other. */
  readonly subject: string
  /** `sid`: the session at the provider, `null` where it names none. */
  readonly sid: string | null
  /** Epoch seconds; `null` where the provider does not say. */
  readonly authTime: number | null
  readonly methods: readonly string[]
  readonly level: string | null
  /** All claims of the ID token. */
  readonly claims: JsonFields
}

/** What the claims of any token of the provider are measured by. */
export interface TokenAudience extends SignatureSettings {
  readonly issuer: string
  readonly clientId: string
  /** Milliseconds. */
  readonly clockTolerance: number
}

export type ClaimFault = 'claims' | 'issuer' | 'audience' | 'expired' | 'not-yet-valid' | 'stale'

/** Why an ID token was refused: for logs. */
export type IdTokenFault = SignatureFault | ClaimFault | 'nonce' | 'authentication'

/** Longest time since a token was issued that is shown to us at once, in milliseconds. */
const FRESH = 300_000

/** What the sign-in asked for; `null` for a token that came with a refresh, which repeats no nonce. */
interface Asked {
  readonly nonce: string
  /** Seconds. */
  readonly maxAge: number | null
  readonly level: string | null
  /** Epoch milliseconds. */
  readonly startedAt: number
}

/** The identity that an ID token proves to us (OpenID Connect Core, section 3.1.3.7; SSO-01, SSO-02), or why none. */
export async function verifyIdToken(
  token: string,
  settings: TokenAudience,
  now: number,
  asked: Asked | null,
): Promise<Identity | IdTokenFault> {
  const signed = await verifySigned(token, ID_TOKEN_TYPE, settings)
  if (typeof signed === 'string') return signed
  const { claims } = signed
  const fault = claimFault(claims, settings, now)
  if (fault) return fault
  // A logout token of an old provider has no type to tell it by.
  if (typeof claims.sub !== 'string' || claims.sub === '' || Object.hasOwn(claims, 'events')) return 'claims'
  if (asked !== null) {
    if (typeof claims.nonce !== 'string' || !constantTimeEqual(claims.nonce, asked.nonce)) return 'nonce'
    if (!isAuthenticatedAs(claims, asked, settings.clockTolerance)) return 'authentication'
  }
  return toIdentity(claims, claims.sub)
}

/** What is wrong with issuer, audience or time of any token of the provider's for us; `null`: nothing. */
export function claimFault(claims: JsonFields, settings: TokenAudience, now: number): ClaimFault | null {
  const { iss, aud, azp, iat, exp, nbf } = claims
  if (!isSeconds(iat) || !isSeconds(exp) || (nbf !== undefined && !isSeconds(nbf))) return 'claims'
  if (iss !== settings.issuer) return 'issuer'
  if (!isForUs(aud, azp, settings.clientId)) return 'audience'
  const { clockTolerance } = settings
  if (now >= exp * 1_000 + clockTolerance) return 'expired'
  if (now < Math.max(iat, nbf ?? 0) * 1_000 - clockTolerance) return 'not-yet-valid'
  return now >= iat * 1_000 + FRESH + clockTolerance ? 'stale' : null
}

function isForUs(aud: Json | undefined, azp: Json | undefined, clientId: string): boolean {
  if (azp !== undefined && azp !== clientId) return false
  if (!Array.isArray(aud)) return aud === clientId
  return aud.includes(clientId) && (aud.length === 1 || azp === clientId)
}

/** RFC 9470 and OpenID Connect Core, section 3.1.2.1: a provider that does not say has not done it. */
function isAuthenticatedAs(claims: JsonFields, asked: Asked, tolerance: number): boolean {
  if (asked.level !== null && claims.acr !== asked.level) return false
  if (asked.maxAge === null) return true
  const { auth_time: at } = claims
  return isSeconds(at) && at * 1_000 >= asked.startedAt - asked.maxAge * 1_000 - tolerance - 999
}

function toIdentity(claims: JsonFields, subject: string): Identity {
  const { iss, sid, auth_time, amr, acr } = claims
  return Object.freeze({
    issuer: iss as string,
    subject,
    sid: typeof sid === 'string' && sid !== '' ? sid : null,
    authTime: isSeconds(auth_time) ? auth_time : null,
    methods: Array.isArray(amr) ? amr.filter((one) => typeof one === 'string') : [],
    level: typeof acr === 'string' && acr !== '' ? acr : null,
    claims,
  })
}

export function isSeconds(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
