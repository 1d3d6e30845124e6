import { isJsonObject } from './strict-json.ts'
import {
  importVerificationKey,
  type VerificationAlgorithm,
  type VerificationKey,
} from './verification-keys.ts'

/** Most keys of a set: every one costs work to import. */
const MOST_KEYS = 100

/** The usable keys of a JWK set by their `kid`, and what is wrong with the others. */
export interface ImportedKeySet {
  readonly keys: ReadonlyMap<string, VerificationKey>
  /** For people: `key 2 has no kid`. Never quotes a key. */
  readonly faults: readonly string[]
}

/**
 * Imports a JWK set (RFC 7517, section 5), or says why all of it is refused: it is none, it is too large, or two of its keys have
 * the same `kid`, of which a verifier would have to guess one (JWT-04).
 */
export async function importKeySet(
  set: unknown,
  algorithms: readonly VerificationAlgorithm[],
): Promise<ImportedKeySet | string> {
  const jwks = isJsonObject(set) ? set.keys : null
  if (!Array.isArray(jwks)) return 'is no object with a list of keys'
  if (jwks.length > MOST_KEYS) return `has more than ${MOST_KEYS} keys`
  const kids = jwks.flatMap((jwk) => (isJsonObject(jwk) && typeof jwk.kid === 'string' ? [jwk.kid] : []))
  if (new Set(kids).size < kids.length) return 'has two keys with the same kid'
  const keys = new Map<string, VerificationKey>()
  const faults: string[] = []
  for (const [index, jwk] of jwks.entries()) {
    const key = isJsonObject(jwk) ? await importVerificationKey(jwk, algorithms) : 'is no object'
    if (typeof key === 'string') faults.push(`key ${index + 1} ${key}`)
    else keys.set(key.kid, key)
  }
  return { keys, faults }
}
