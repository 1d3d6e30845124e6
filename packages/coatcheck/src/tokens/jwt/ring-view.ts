import {
  CompactSign,
  type CryptoKey,
  calculateJwkThumbprint,
  compactVerify,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose'
import type { JsonFields } from '../../core/json.ts'
import type { KeyState } from '../../core/keys.ts'
import {
  currentOf,
  type FreshKey,
  type Overlap,
  publishedKeys,
  type RingContent,
  type RingKey,
  type SigningAlgorithm,
} from './ring-content.ts'
import { importVerificationKey, type VerificationKey } from './verification-keys.ts'

/** A key that verifiers are told of. */
export interface PublishedKey {
  readonly kid: string
  readonly state: KeyState
  /** As it stands in the JWKS: public members, `kid`, `alg` and `use`. */
  readonly jwk: JsonFields
  readonly verification: VerificationKey
  /** Epoch milliseconds from when on nothing that it signed is valid; `null` while it signs, or is going to. */
  readonly until: number | null
}

/** A ring as it is used: keys imported, and nothing private left but what signs. */
export interface RingView {
  readonly signer: { readonly kid: string; readonly algorithm: SigningAlgorithm; readonly key: CryptoKey }
  readonly activatedAt: number
  /** By `kid`: the current one first, then the next one, then those that are retired. */
  readonly published: ReadonlyMap<string, PublishedKey>
}

const ORDER: readonly KeyState[] = ['current', 'next', 'retired']

/**
 * Imports a ring; a text says what is wrong with it. Keys that `before` had already stay the objects that they were, and with them what was
 * verified by them.
 */
export async function viewOf(
  content: RingContent,
  now: number,
  overlap: Overlap,
  before: RingView | null,
): Promise<RingView | string> {
  const published = new Map<string, PublishedKey>()
  const keys = publishedKeys(content, now, overlap)
  for (const key of keys.toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))) {
    const known = before?.published.get(key.kid)?.verification ?? null
    const one = await publish(key, overlap, known)
    if (typeof one === 'string') return one
    published.set(key.kid, one)
  }
  const current = currentOf(content)
  const { kid, algorithm, privateJwk, activatedAt } = current
  const known = before?.signer.kid === kid ? before.signer.key : null
  const key = known ?? (await importPrivate(current, privateJwk))
  const verification = published.get(kid)?.verification.key
  if (!key || !verification || (!known && !(await belongTogether(key, verification, algorithm))))
    return 'has a current key whose two halves do not belong together'
  return { signer: { kid, algorithm, key }, activatedAt: activatedAt ?? 0, published }
}

/** A new pair of keys, under the thumbprint of its public half. */
export async function generateKey(algorithm: SigningAlgorithm): Promise<FreshKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true })
  const publicJwk = publicMembers((await exportJWK(pair.publicKey)) as JsonFields)
  const { d } = await exportJWK(pair.privateKey)
  const kid = await calculateJwkThumbprint(publicJwk as JWK)
  return { kid, algorithm, publicJwk, privateJwk: { ...publicJwk, d: d as string } }
}

async function publish(
  key: RingKey,
  overlap: Overlap,
  known: VerificationKey | null,
): Promise<PublishedKey | string> {
  const { kid, algorithm, state, publicJwk, retiredAt } = key
  // Only what belongs there is published, whatever else the stored key may contain.
  const jwk = { ...publicMembers(publicJwk), kid, alg: algorithm, use: 'sig' }
  const thumbprint = await calculateJwkThumbprint(jwk as JWK).catch(() => null)
  if (thumbprint !== kid) return 'has a key that is not the one of its kid'
  const verification = known ?? (await importVerificationKey(jwk, [algorithm]))
  if (typeof verification === 'string') return `has a key that ${verification}`
  return { kid, state, jwk, verification, until: retiredAt === undefined ? null : retiredAt + overlap.after }
}

async function importPrivate(key: RingKey, privateJwk: JsonFields | undefined): Promise<CryptoKey | null> {
  const d = privateJwk?.d
  if (typeof d !== 'string') return null
  try {
    const jwk = { ...publicMembers(key.publicJwk), d } as JWK
    const imported = await importJWK(jwk, key.algorithm, { extractable: false })
    return imported instanceof Uint8Array ? null : imported
  } catch {
    return null
  }
}

/** Whether what one signs the other one verifies: importing does not tell. */
async function belongTogether(
  key: CryptoKey,
  verification: CryptoKey,
  algorithm: SigningAlgorithm,
): Promise<boolean> {
  try {
    const signed = await new CompactSign(new Uint8Array(32)).setProtectedHeader({ alg: algorithm }).sign(key)
    await compactVerify(signed, verification, { algorithms: [algorithm] })
    return true
  } catch {
    return false
  }
}

function publicMembers({ kty, crv, x, y }: JsonFields): JsonFields {
  return Object.fromEntries(
    Object.entries({ kty, crv, x, y }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}
