import type { Json, JsonFields } from '../../core/json.ts'
import type { AccessTokenClaims } from './claims.ts'
import { isJsonObject } from './strict-json.ts'

type Check = (value: Json | undefined) => boolean

const isText: Check = (value) => typeof value === 'string' && value !== ''
const isSeconds: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
const areTexts: Check = (value) => Array.isArray(value) && value.every((one) => isText(one))
const isAudience: Check = (value) => isText(value) || (areTexts(value) && (value as []).length > 0)
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)

/** RFC 9068, section 2.2: what an access token must have and what shape it has, where it has it. */
const RULES: readonly (readonly [string, Check])[] = [
  ['iss', isText],
  ['sub', isText],
  ['aud', isAudience],
  ['client_id', isText],
  ['jti', isText],
  ['iat', isSeconds],
  ['exp', isSeconds],
  ['nbf', optional(isSeconds)],
  ['auth_time', optional(isSeconds)],
  ['scope', optional((value) => typeof value === 'string')],
  ['sid', optional(isText)],
  ['fam', optional(isText)],
  ['acr', optional(isText)],
  ['amr', optional(areTexts)],
  ['cnf', optional(isJsonObject)],
]

/** The claims, frozen to the last list since many requests will share them; `null` where they are not an access token's. */
export function toAccessTokenClaims(claims: JsonFields): AccessTokenClaims | null {
  const fits = RULES.every(([name, check]) => check(Object.hasOwn(claims, name) ? claims[name] : undefined))
  return fits ? (frozen(claims) as AccessTokenClaims) : null
}

/** Whether one of `ours` is, whole, an audience of the token. */
export function isFor(claims: AccessTokenClaims, ours: readonly string[]): boolean {
  const { aud } = claims
  return typeof aud === 'string' ? ours.includes(aud) : aud.some((one) => ours.includes(one))
}

function frozen(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value
  for (const inner of Object.values(value)) frozen(inner)
  return Object.freeze(value)
}
