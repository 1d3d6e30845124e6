import { fromBase64Url } from '../../core/encoding.ts'
import type { JsonFields } from '../../core/json.ts'
import { parseStrictObject } from './strict-json.ts'

/** What a signed token says, before anybody has looked whether its signature is right. Never to be used as it is. */
export interface UnverifiedToken {
  readonly header: JsonFields
  readonly claims: JsonFields
  readonly signature: Uint8Array
}

/** Why a text is no signed token at all. `encrypted`: five parts, a JWE, which nothing here takes (JWT-16). */
export type CompactFault = 'malformed' | 'too-large' | 'encrypted'

/**
 * Reads the compact form of a signed token (RFC 7515, section 7.1) in the one spelling that it has: canonical base64url, UTF-8,
 * JSON objects without duplicate members, at most `largest` characters (JWT-09). Checks no signature.
 */
export function parseCompact(token: unknown, largest: number): UnverifiedToken | CompactFault {
  if (typeof token !== 'string') return 'malformed'
  if (token.length > largest) return 'too-large'
  const parts = token.split('.', 6)
  if (parts.length === 5) return 'encrypted'
  const [header, claims, signature] = parts
  if (!header || !claims || !signature || parts.length !== 3) return 'malformed'
  const parsedHeader = objectOf(header)
  const parsedClaims = objectOf(claims)
  const bytes = fromBase64Url(signature)
  if (!parsedHeader || !parsedClaims || !bytes) return 'malformed'
  return { header: parsedHeader, claims: parsedClaims, signature: bytes }
}

function objectOf(part: string): JsonFields | null {
  const bytes = fromBase64Url(part)
  return bytes && parseStrictObject(bytes)
}
