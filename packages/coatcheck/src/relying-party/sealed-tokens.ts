import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose'
import { utf8 } from '../core/encoding.ts'
import type { JsonFields } from '../core/json.ts'
import type { KeyRing } from '../core/key-ring.ts'
import { parseStrictObject } from '../tokens/jwt/strict-json.ts'
import type { Party } from './kept-login.ts'

/** What the provider gave, and nobody but this server sees. */
export interface HeldTokens {
  readonly accessToken: string
  readonly tokenType: string
  readonly scope: string | null
  readonly refreshToken: string | null
  readonly idToken: string
}

/** Whose they are: sealed for one user, provider and client, they open for no other. */
export interface Holder extends Party {
  readonly userId: string
}

/** A header member that tells these from anything else that might be encrypted under the key. */
const TYPE = 'coatcheck-provider-tokens'

/** AES-256-GCM under a key that follows from the current master key and the holder. */
export function sealTokens(tokens: HeldTokens, holder: Holder, ring: KeyRing): Promise<string> {
  const slot = ring.currentSlot
  return new CompactEncrypt(utf8(JSON.stringify(tokens)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: TYPE, kid: String(slot) })
    .encrypt(keyOf(holder, ring, slot))
}

/** `null` where they were sealed for somebody else, under a key that is gone, or are damaged. */
export async function openTokens(sealed: string, holder: Holder, ring: KeyRing): Promise<HeldTokens | null> {
  try {
    const { kid, typ } = decodeProtectedHeader(sealed)
    const slot = Number(kid)
    if (typ !== TYPE || !ring.has(slot)) return null
    const { plaintext } = await compactDecrypt(sealed, keyOf(holder, ring, slot), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    const tokens: JsonFields | null = parseStrictObject(plaintext)
    return tokens as HeldTokens | null
  } catch {
    return null
  }
}

function keyOf({ issuer, clientId, userId }: Holder, ring: KeyRing, slot: number): Uint8Array {
  return ring.mac('provider tokens', slot, ...[issuer, clientId, userId].map(utf8))
}
