import type { JsonFields } from '../../core/json.ts'
import { LONGEST_KID, type VerificationAlgorithm } from './verification-keys.ts'

/** Why a header is refused before any key is looked for. */
export type HeaderFault = 'encrypted' | 'algorithm' | 'type' | 'header'

/** The part of a header that is listened to. */
export interface TokenHeader {
  readonly algorithm: VerificationAlgorithm
  readonly kid: string
}

/** Members by which a token would choose its own key (RFC 8725bis, section 3.10; JWT-03). */
const KEY_MEMBERS = ['jwk', 'jku', 'x5u', 'x5c']

/** Members that change how the rest is to be read. We know none of them, `crit` says that we would have to. */
const UNKNOWN_MEMBERS = ['crit', 'b64', 'zip', 'cty']

/** Header `typ` of ID tokens, the one kind that may also come without any (OpenID Connect Core says nothing about it). */
export const ID_TOKEN_TYPE = 'jwt'

/** Reads the header of a token of the kind `typ`, for instance `at+jwt` (JWT-01, JWT-03, JWT-08). */
export function readHeader(
  header: JsonFields,
  typ: string,
  algorithms: readonly VerificationAlgorithm[],
): TokenHeader | HeaderFault {
  const { alg, kid } = header
  if (Object.hasOwn(header, 'enc')) return 'encrypted'
  const algorithm = algorithms.find((one) => one === alg)
  if (!algorithm) return 'algorithm'
  if (!isOfType(header.typ, typ)) return 'type'
  if ([...KEY_MEMBERS, ...UNKNOWN_MEMBERS].some((name) => Object.hasOwn(header, name))) return 'header'
  if (typeof kid !== 'string' || kid === '' || kid.length > LONGEST_KID) return 'header'
  return { algorithm, kid }
}

/** Without a slash it stands for `application/...`; media types have no case (RFC 7515, section 4.1.9). */
function isOfType(value: unknown, typ: string): boolean {
  if (value === undefined) return typ === ID_TOKEN_TYPE
  if (typeof value !== 'string') return false
  const lower = value.toLowerCase()
  return lower === typ || lower === `application/${typ}`
}
