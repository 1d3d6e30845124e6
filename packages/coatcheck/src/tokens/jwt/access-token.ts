import { type Duration, formatDuration, toMilliseconds } from '../../core/duration.ts'
import { toBase64Url } from '../../core/encoding.ts'
import type { Environment } from '../../core/environment.ts'
import { UsageError } from '../../core/errors.ts'
import type { Json, JsonFields } from '../../core/json.ts'

/** Header `typ` of access tokens (RFC 9068, section 2.1; JWT-08). */
export const ACCESS_TOKEN_TYPE = 'at+jwt'

/** Life of an access token that says nothing else: 5 minutes, in milliseconds. */
export const ACCESS_TOKEN_LIFE = 300_000

/** Most characters of an access token, ours and others': what every server still takes in a header. */
export const LARGEST_ACCESS_TOKEN = 8_192

/** Signs claims with its current key; the header has `alg`, `kid` and this `typ`, and nothing else. */
export interface TokenSigner {
  /** Longest life of what it signs, in milliseconds: so long a retired key stays published. */
  readonly longestLife: number
  sign(typ: string, claims: JsonFields): Promise<string>
}

/** Whose tokens are signed, and by what. */
export interface AccessTokenIssuer {
  /** `iss`: the https URL that verifiers are configured with. */
  readonly issuer: string
  readonly ring: TokenSigner
  readonly environment: Environment
}

/** What an access token shall say. Members that are left out are not in the token. */
export interface AccessTokenContent {
  /** `sub`: the user id. */
  readonly subject: string
  /** `aud`: the services that the token is for, at least one (JWT-06). */
  readonly audience: string | readonly string[]
  /** `client_id` (RFC 8693): the application that asked. */
  readonly clientId: string
  /** `scope`: words separated by single blanks, or a list of them. */
  readonly scope?: string | readonly string[]
  /** The session's id: with the session's end the token ends. */
  readonly sid?: string
  /** The refresh family's record id, where the token was issued with a refresh token. */
  readonly fam?: string
  /** Proof-of-possession key (RFC 7800), for instance `{ jkt }` of DPoP. */
  readonly cnf?: JsonFields
  /** `auth_time`: when the user authenticated, epoch milliseconds. */
  readonly authTime?: number
  /** How the user authenticated. */
  readonly acr?: string
  readonly amr?: readonly string[]
  /** The application's own claims; none of those that are reserved. */
  readonly extra?: JsonFields
  /** Life from now; 5 minutes unless said otherwise, at most the ring's `longestTokenLife`. */
  readonly expiresIn?: Duration
}

/** An access token and what its issuer may keep of it. */
export interface SignedAccessToken {
  /** The credential, three parts of base64url. */
  readonly token: string
  /** `jti`: safe in logs. */
  readonly jti: string
  /** Epoch milliseconds, whole seconds. */
  readonly issuedAt: number
  readonly expiresAt: number
}

const JTI_BYTES = 16

/** Claims that `extra` may not set: those that verifiers rely on (RFC 7519, RFC 9068, RFC 7800, RFC 8693). */
const RESERVED: ReadonlySet<string> = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'sid', 'fam', 'cnf'],
  ...['auth_time', 'acr', 'amr', 'act', 'may_act', 'nonce', 'events', 'htm', 'htu', 'ath', '__proto__'],
])

/**
 * An access token by RFC 9068, signed with the ring's current key. Throws `ERR_OPTION` for what is no
 * duration and `ERR_USAGE` for what no verifier would accept: no subject or audience, a life above
 * the ring's `longestTokenLife`, a reserved claim in `extra`, more than 8,192
 * characters.
 */
export async function signAccessToken(
  issuer: AccessTokenIssuer,
  content: AccessTokenContent,
): Promise<SignedAccessToken> {
  assertNames(content)
  const life = lifeOf(content, issuer.ring.longestLife)
  const issuedAt = Math.floor(issuer.environment.now() / 1000)
  const jti = toBase64Url(issuer.environment.randomBytes(JTI_BYTES))
  // Whole seconds, and never longer than asked for.
  const expiresAt = issuedAt + Math.floor(life / 1000)
  const claims: JsonFields = {
    ...extraOf(content),
    iss: issuer.issuer,
    sub: content.subject,
    aud: audienceOf(content),
    client_id: content.clientId,
    iat: issuedAt,
    exp: expiresAt,
    jti,
    ...optionalClaims(content),
  }
  const token = await issuer.ring.sign(ACCESS_TOKEN_TYPE, claims)
  if (token.length > LARGEST_ACCESS_TOKEN) {
    throw new UsageError(
      'ERR_USAGE',
      `An access token has ${token.length} characters; no verifier takes more than ${LARGEST_ACCESS_TOKEN}.`,
    )
  }
  return { token, jti, issuedAt: issuedAt * 1000, expiresAt: expiresAt * 1000 }
}

function assertNames({ subject, clientId }: AccessTokenContent): void {
  if (subject !== '' && clientId !== '') return
  throw new UsageError('ERR_USAGE', 'An access token needs a subject (the user id) and a clientId.')
}

function lifeOf(content: AccessTokenContent, longest: number): number {
  const life = toMilliseconds(content.expiresIn ?? Math.min(ACCESS_TOKEN_LIFE, longest), 'expiresIn', 1_000)
  if (life <= longest) return life
  throw new UsageError(
    'ERR_USAGE',
    `An access token cannot live for ${formatDuration(life)}: the key ring's longestTokenLife is ${formatDuration(longest)}.`,
  )
}

function extraOf({ extra = {} }: AccessTokenContent): JsonFields {
  const reserved = Object.keys(extra).find((name) => RESERVED.has(name))
  if (reserved === undefined) return extra
  throw new UsageError('ERR_USAGE', `The claim '${reserved}' is reserved and cannot be set by extra.`)
}

/** One audience as a text, several as a list (RFC 7519, section 4.1.3). */
function audienceOf({ audience }: AccessTokenContent): Json {
  const all = typeof audience === 'string' ? [audience] : [...audience]
  if (all.length === 0 || all.includes('')) {
    throw new UsageError('ERR_USAGE', 'An access token needs an audience: the service that it is for.')
  }
  return all.length === 1 ? (all[0] ?? '') : all
}

function optionalClaims(content: AccessTokenContent): JsonFields {
  const { scope, sid, fam, cnf, authTime, acr, amr } = content
  const scopes = typeof scope === 'string' ? scope : scope?.join(' ')
  return {
    ...(scopes && { scope: scopes }),
    ...(sid !== undefined && { sid }),
    ...(fam !== undefined && { fam }),
    ...(cnf && { cnf }),
    ...(authTime !== undefined && { auth_time: Math.floor(authTime / 1000) }),
    ...(acr !== undefined && { acr }),
    ...(amr && amr.length > 0 && { amr: [...amr] }),
  }
}
