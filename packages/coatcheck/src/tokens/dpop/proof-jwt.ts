import { type CryptoKey, compactVerify } from 'jose'
import type { JsonFields } from '../../core/json.ts'
import { sha256 } from '../../core/platform.ts'
import { parseCompact } from '../jwt/compact.ts'
import { isJsonObject } from '../jwt/strict-json.ts'
import { importVerificationKey, type VerificationAlgorithm } from '../jwt/verification-keys.ts'

/** Most characters of a proof: several times what an RSA key of 8,192 bits and a long URL take. */
const LARGEST_PROOF = 8_192

/** Public keys that are kept imported; a client uses its key again and again. */
const MOST_KEYS = 1_000

/** Claims that a proof must have; `ath` and `nonce` where they are asked for. */
export interface ProofClaims {
  readonly jti: string
  readonly htm: string
  readonly htu: string
  /** Seconds since 1970. */
  readonly iat: number
  readonly ath: unknown
  readonly nonce: unknown
}

/** A proof whose signature is right. What it says of the request is still to be compared. */
export interface SignedProof {
  readonly jkt: string
  readonly claims: ProofClaims
}

/** Reads proofs by the rules 2 to 7 of RFC 9449, 4.3 (DPOP-01). */
export class ProofReader {
  readonly #algorithms: readonly VerificationAlgorithm[]
  readonly #keys = new Map<string, CryptoKey>()

  constructor(algorithms: readonly VerificationAlgorithm[]) {
    this.#algorithms = algorithms
  }

  /** `null` for what is no proof, or not signed with the key that it shows. Never throws for what came from outside. */
  async read(text: string): Promise<SignedProof | null> {
    const parsed = parseCompact(text, LARGEST_PROOF)
    if (typeof parsed === 'string') return null
    const { typ, alg, jwk, crit } = parsed.header
    const algorithm = this.#algorithms.find((known) => known === alg)
    if (!isProofType(typ) || !algorithm || crit !== undefined || !isJsonObject(jwk)) return null
    const claims = claimsOf(parsed.claims)
    if (!claims) return null
    const key = await this.#keyOf(jwk, algorithm)
    if (!key) return null
    const isSigned = await verifies(text, key.key, algorithm)
    return isSigned ? { jkt: key.jkt, claims } : null
  }

  async #keyOf(
    jwk: JsonFields,
    algorithm: VerificationAlgorithm,
  ): Promise<{ readonly jkt: string; readonly key: CryptoKey } | null> {
    const jkt = thumbprintOf(jwk)
    if (jkt === null) return null
    // Every member counts: one with a secret in it is to be refused each time.
    const text = `${algorithm} ${JSON.stringify(jwk)}`
    const known = this.#keys.get(text)
    if (known) return { jkt, key: known }
    const imported = await importVerificationKey({ ...jwk, kid: jkt }, [algorithm])
    if (typeof imported === 'string') return null
    if (this.#keys.size >= MOST_KEYS) this.#keys.clear()
    this.#keys.set(text, imported.key)
    return { jkt, key: imported.key }
  }
}

/** SHA-256 over the members that make a public key, as RFC 7638 orders them; `null` for a key of another type. */
function thumbprintOf(jwk: JsonFields): string | null {
  const names = THUMBPRINT_MEMBERS.get(jwk.kty)
  if (!names?.every((name) => typeof jwk[name] === 'string')) return null
  return sha256(JSON.stringify(Object.fromEntries(names.map((name) => [name, jwk[name]]))))
}

/** In the order of their names (RFC 7638, 3.2; RFC 8037, 2). */
const THUMBPRINT_MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['OKP', ['crv', 'kty', 'x']],
  ['RSA', ['e', 'kty', 'n']],
])

/** Media types are compared whatever their case (RFC 7515, 4.1.9). */
function isProofType(typ: unknown): boolean {
  return typeof typ === 'string' && typ.toLowerCase() === 'dpop+jwt'
}

function claimsOf({ jti, htm, htu, iat, ath, nonce }: JsonFields): ProofClaims | null {
  if (typeof jti !== 'string' || jti === '') return null
  if (typeof htm !== 'string' || typeof htu !== 'string' || typeof iat !== 'number') return null
  return { jti, htm, htu, iat, ath, nonce }
}

async function verifies(text: string, key: CryptoKey, algorithm: string): Promise<boolean> {
  try {
    await compactVerify(text, key, { algorithms: [algorithm] })
    return true
  } catch {
    return false
  }
}
