import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose'
import { lengthPrefixed, utf8 } from '../../core/encoding.ts'
import type { JsonFields } from '../../core/json.ts'
import type { MasterKey } from '../../core/keys.ts'
import { hkdfSha256, sha256Bytes } from '../../core/platform.ts'
import { parseRingContent, type RingContent } from './ring-content.ts'
import { isJsonObject, parseStrictObject } from './strict-json.ts'

/** A header member that tells a sealed ring from anything else that might be encrypted under the key. */
const TYPE = 'coatcheck-signing-keys'

/**
 * A ring as it is stored: in clear, or whole under the current master key (AES-256-GCM under a key derived by HKDF), so that a copy of
 * the storage signs nothing and nobody can add a key to it.
 */
export async function sealRing(content: RingContent, masters: readonly MasterKey[] | null): Promise<string> {
  if (!masters) return `${JSON.stringify(content, null, 2)}\n`
  const master = masters.findLast(({ state }) => state === 'current') as MasterKey
  const sealed = await new CompactEncrypt(utf8(JSON.stringify(content)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: TYPE, kid: String(master.slot) })
    .encrypt(sealingKey(master))
  return `${JSON.stringify({ sealed })}\n`
}

/** What `sealRing` has made, or why it cannot be read, as the end of a sentence without anything of the text. */
export async function openRing(
  text: string,
  masters: readonly MasterKey[] | null,
): Promise<RingContent | string> {
  const stored = parseStrictObject(utf8(text))
  if (!stored) return text === '' ? 'is empty' : 'is no JSON object'
  const { sealed } = stored
  if (typeof sealed !== 'string') {
    // Else whoever can write there could put keys of their own in the place of sealed ones.
    return masters ? 'is not sealed, although there are master keys (option keys)' : parseRingContent(stored)
  }
  if (!masters) return 'is sealed under a master key: give the option keys'
  const opened = await unseal(sealed, masters)
  return opened ? parseRingContent(opened) : 'was sealed under another master key, or is damaged'
}

async function unseal(sealed: string, masters: readonly MasterKey[]): Promise<JsonFields | null> {
  try {
    const { kid, typ } = decodeProtectedHeader(sealed)
    const master = masters.find(({ slot }) => String(slot) === kid)
    if (!master || typ !== TYPE) return null
    const { plaintext } = await compactDecrypt(sealed, sealingKey(master), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    })
    const content = parseStrictObject(plaintext)
    return isJsonObject(content) ? content : null
  } catch {
    return null
  }
}

/** Another key than any that session tokens are made with. */
function sealingKey({ master }: MasterKey): Uint8Array {
  const salt = sha256Bytes(lengthPrefixed(['coatcheck signing keys']))
  return hkdfSha256(master, salt, utf8('seal'), 32)
}
