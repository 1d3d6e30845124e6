import { compactVerify } from 'jose'
import type { JsonFields } from '../../core/json.ts'
import { chain, type MaybePromise } from '../../core/maybe-promise.ts'
import { type CompactFault, parseCompact, type UnverifiedToken } from './compact.ts'
import { type HeaderFault, readHeader } from './header-rules.ts'
import type { VerificationAlgorithm, VerificationKey, VerificationKeys } from './verification-keys.ts'

/** Why a text is nothing that the issuer has signed as this kind of token. */
export type SignatureFault = CompactFault | HeaderFault | 'unknown-key' | 'signature'

/** What a token of the issuer says, whoever it is for and whatever the time. */
export interface SignedToken {
  readonly claims: JsonFields
  readonly key: VerificationKey
}

export interface SignatureSettings {
  readonly keys: VerificationKeys
  readonly algorithms: readonly VerificationAlgorithm[]
  readonly maxTokenLength: number
}

/** Form, header and signature of a token of the kind `typ`. Throws `ERR_KEYS_UNAVAILABLE` where the keys cannot be had. */
export function verifySigned(
  token: string,
  typ: string,
  { keys, algorithms, maxTokenLength }: SignatureSettings,
): MaybePromise<SignedToken | SignatureFault> {
  const parsed = parseCompact(token, maxTokenLength)
  if (typeof parsed === 'string') return parsed
  const header = readHeader(parsed.header, typ, algorithms)
  if (typeof header === 'string') return header
  return chain(keys.find(header.kid), async (key) => {
    if (!key) return 'unknown-key'
    if (key.algorithm !== header.algorithm) return 'algorithm'
    return (await isSigned(token, parsed, key)) ? { claims: parsed.claims, key } : 'signature'
  })
}

async function isSigned(token: string, parsed: UnverifiedToken, key: VerificationKey): Promise<boolean> {
  // Neither DER nor anything longer or shorter gets as far as the mathematics (JWT-10).
  if (parsed.signature.length !== key.signatureLength) return false
  try {
    await compactVerify(token, key.key, { algorithms: [key.algorithm] })
    return true
  } catch {
    return false
  }
}
