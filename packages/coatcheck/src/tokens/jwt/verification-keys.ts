import { type CryptoKey, importJWK, type JWK } from 'jose'
import { fromBase64Url } from '../../core/encoding.ts'
import type { JsonFields } from '../../core/json.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'
import { ed25519Weakness, rsaWeakness } from './key-strength.ts'

/** Signature algorithms that a verifier can be told to accept: asymmetric ones only (JWT-02, JWT-11). */
export type VerificationAlgorithm = (typeof VERIFICATION_ALGORITHMS)[number]

export const VERIFICATION_ALGORITHMS = [
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const),
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
] as const

/** A public key that is good for one algorithm and nothing else. */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: VerificationAlgorithm
  readonly key: CryptoKey
  /** Bytes of each of its signatures. */
  readonly signatureLength: number
  /** Equal for equal keys. */
  readonly publicText: string
}

/** Where a verifier has its keys from: a key ring of this process, a list, or somebody's JWKS. */
export interface VerificationKeys {
  /**
   * The key under `kid`, `null` where there surely is none. Answers at once where it knows. Throws where it cannot tell
   * (`ERR_KEYS_UNAVAILABLE`).
   */
  find(kid: string): MaybePromise<VerificationKey | null>
  /** Whether a key that was found here is surely still good; `false` sends the verifier back to `find`. */
  holds(key: VerificationKey): boolean
}

/** Most characters of a `kid`. It is looked up in a map, and nowhere else (JWT-04). */
export const LONGEST_KID = 256

interface Curve {
  readonly algorithms: readonly VerificationAlgorithm[]
  readonly kty: 'EC' | 'OKP'
  /** Bytes of a coordinate. */
  readonly size: number
}

const CURVES: ReadonlyMap<unknown, Curve> = new Map([
  ['P-256', { algorithms: ['ES256'], kty: 'EC', size: 32 }],
  ['P-384', { algorithms: ['ES384'], kty: 'EC', size: 48 }],
  ['P-521', { algorithms: ['ES512'], kty: 'EC', size: 66 }],
  ['Ed25519', { algorithms: ['EdDSA', 'Ed25519'], kty: 'OKP', size: 32 }],
] satisfies [string, Curve][])

const RSA_ALGORITHMS = VERIFICATION_ALGORITHMS.filter((algorithm) => /^[RP]S/.test(algorithm))

/** Members that only private and symmetric keys have (RFC 7518, section 6). */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * The key of a JWK (RFC 7517) for the one algorithm of `algorithms` that it is for, or a sentence's end that says why it
 * cannot be used: "has no kid". Never quotes the key.
 */
export async function importVerificationKey(
  jwk: JsonFields,
  algorithms: readonly VerificationAlgorithm[],
): Promise<VerificationKey | string> {
  const { kid } = jwk
  if (typeof kid !== 'string' || kid === '' || kid.length > LONGEST_KID) {
    return `needs a kid of 1 to ${LONGEST_KID} characters`
  }
  const shape = jwk.kty === 'RSA' ? rsaShape(jwk) : curveShape(jwk)
  const fault = useFault(jwk) ?? (typeof shape === 'string' ? shape : null)
  if (fault !== null || typeof shape === 'string') return fault ?? 'cannot be used'
  const algorithm = algorithmOf(jwk, shape.algorithms, algorithms)
  if (!algorithm) return 'is for no algorithm, or for several, of those that are accepted'
  try {
    // The public members alone, so that nothing else decides what the key is.
    const key = await importJWK({ ...shape.publicJwk }, algorithm, { extractable: false })
    if (key instanceof Uint8Array) return 'is symmetric'
    const publicText = JSON.stringify([algorithm, shape.publicJwk])
    return { kid, algorithm, key, signatureLength: shape.signatureLength, publicText }
  } catch {
    return 'is no point of its curve, or not understood here'
  }
}

interface KeyShape {
  readonly algorithms: readonly VerificationAlgorithm[]
  readonly publicJwk: JWK
  readonly signatureLength: number
}

function useFault(jwk: JsonFields): string | null {
  const { use, key_ops: operations } = jwk
  if (SECRET_MEMBERS.some((name) => Object.hasOwn(jwk, name))) return 'contains a secret'
  if (use !== undefined && use !== 'sig') return 'is not for signatures (use)'
  if (operations === undefined) return null
  return Array.isArray(operations) && operations.includes('verify') ? null : 'is not for verifying (key_ops)'
}

function curveShape(jwk: JsonFields): KeyShape | string {
  const { kty, crv, x, y } = jwk
  const curve = CURVES.get(crv)
  if (!curve || curve.kty !== kty) return 'is of a type or curve that is not supported'
  const point = bytesOf(x)
  if (point?.length !== curve.size) return 'has an x of another length than its curve'
  if (curve.kty === 'EC' && bytesOf(y)?.length !== curve.size) {
    return 'has a y of another length than its curve'
  }
  const weakness = curve.kty === 'OKP' ? ed25519Weakness(point) : null
  if (weakness !== null) return weakness
  const common = { kty, crv, x } as JWK
  return {
    algorithms: curve.algorithms,
    publicJwk: curve.kty === 'EC' ? { ...common, y: y as string } : common,
    signatureLength: 2 * curve.size,
  }
}

function rsaShape(jwk: JsonFields): KeyShape | string {
  const { n, e } = jwk
  const modulus = bytesOf(n)
  const exponent = bytesOf(e)
  if (!modulus || !exponent) return 'has no modulus or exponent in base64url'
  const weakness = rsaWeakness(modulus, exponent)
  if (weakness !== null) return weakness
  return {
    algorithms: RSA_ALGORITHMS,
    publicJwk: { kty: 'RSA', n, e } as JWK,
    signatureLength: modulus.length,
  }
}

/**
 * One key, one algorithm: that of its `alg`, else the only one of the accepted that its type allows. Both names of Ed25519
 * (RFC 8037 and RFC 9864) are one algorithm; the accepted one that comes first is meant.
 */
function algorithmOf(
  { alg }: JsonFields,
  possible: readonly VerificationAlgorithm[],
  accepted: readonly VerificationAlgorithm[],
): VerificationAlgorithm | null {
  const candidates = accepted.filter((algorithm) => possible.includes(algorithm))
  if (alg !== undefined) return candidates.find((algorithm) => algorithm === alg) ?? null
  const oneMeaning = candidates.length === 1 || candidates.includes('EdDSA')
  return oneMeaning ? (candidates[0] ?? null) : null
}

function bytesOf(value: unknown): Uint8Array | null {
  return typeof value === 'string' && value !== '' ? fromBase64Url(value) : null
}
