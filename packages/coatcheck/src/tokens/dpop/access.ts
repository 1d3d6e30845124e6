import type { MaybePromise } from '../../core/maybe-promise.ts'
import { constantTimeEqual } from '../../core/platform.ts'
import type { ProofVerifier } from '../../core/proof-verifier.ts'

/** What a request presents to a service that takes access tokens. */
export interface PresentedAccess {
  readonly method: string
  /** As clients see it: absolute, or with the option `origins` its path alone. */
  readonly url: string
  /** The header `Authorization`. */
  readonly authorization: string | null | undefined
  /** The header `DPoP`, or each of its fields. */
  readonly proof: string | readonly string[] | null | undefined
  /** Whether tokens that are bound to no key are accepted. Default `prefer`: yes. */
  readonly binding?: 'prefer' | 'require'
}

/** What verifies the token itself, such as `createAccessTokenVerifier(...)`. */
export interface AccessVerifier<C extends object> {
  /** `checksProof`: that a token which is bound to a key may be accepted, since the proof is checked here. */
  verify(token: string, options: { readonly checksProof: true }): MaybePromise<VerifiedAccess<C>>
}

export type VerifiedAccess<C extends object> =
  | { readonly ok: true; readonly claims: C }
  | { readonly ok: false }

/** `jkt`: the key that the token is bound to and the client holds, `null` for a plain Bearer token. */
export type AccessAnswer<C extends object> =
  | {
      readonly ok: true
      readonly claims: C
      readonly jkt: string | null
      /** For the response: a nonce, where the client needs another one. */
      readonly headers: Readonly<Record<string, string>>
    }
  | {
      readonly ok: false
      readonly status: 401
      readonly error: 'missing_token' | 'invalid_token' | 'invalid_dpop_proof' | 'use_dpop_nonce'
      /** For the response: the challenges, and a nonce. */
      readonly headers: Readonly<Record<string, string>>
    }

type Refusal = Extract<AccessAnswer<object>, { ok: false }>

/** The steps of RFC 9449, 7.1 and 7.2, the cheap ones first. */
export async function authenticateAccess<C extends object>(
  dpop: ProofVerifier,
  request: PresentedAccess,
  verifier: AccessVerifier<C>,
): Promise<AccessAnswer<C>> {
  const binding = request.binding ?? 'prefer'
  const refuse = (error: Refusal['error'], nonce: string | null = null) =>
    refusal(error, nonce, dpop.algorithms, binding)
  const presented = tokenIn(request.authorization)
  if (!presented) return refuse('missing_token')
  const verified = await verifier.verify(presented.token, { checksProof: true })
  if (!verified.ok) return refuse('invalid_token')
  const bound = boundKeyOf(verified.claims)
  if ((bound === null) === presented.dpop) return refuse('invalid_token')
  if (bound === null) {
    if (binding === 'require') return refuse('invalid_token')
    return { ok: true, claims: verified.claims, jkt: null, headers: {} }
  }
  const { method, url } = request
  const proofs = request.proof === undefined || request.proof === null ? [] : [request.proof].flat()
  const verdict = await dpop.check({ method, url, proofs }, presented.token)
  if (!verdict.ok) return refuse(verdict.error, verdict.nonce)
  const { proof, nonce } = verdict
  if (!constantTimeEqual(proof.jkt, bound)) return refuse('invalid_token', nonce)
  if (!(await proof.spend())) return refuse('invalid_dpop_proof', nonce)
  return { ok: true, claims: verified.claims, jkt: proof.jkt, headers: nonceHeaders(nonce) }
}

/** The credentials of one scheme or the other; `null` for anything else, several of them included. */
function tokenIn(
  authorization: string | null | undefined,
): { readonly dpop: boolean; readonly token: string } | null {
  const [, scheme, token] = CREDENTIALS.exec(authorization ?? '') ?? []
  return scheme && token ? { dpop: scheme.toLowerCase() === 'dpop', token } : null
}

/** RFC 9110, 11.2: a scheme and a token68. */
const CREDENTIALS = /^(bearer|dpop) +([\w.~+/-]+=*)$/i

/** The `cnf.jkt` of a token (RFC 9449, 6.1); one that is bound in another way is bound to a key that nobody can prove. */
function boundKeyOf(claims: object): string | null {
  const { cnf } = claims as { readonly cnf?: unknown }
  if (cnf === undefined || cnf === null) return null
  const { jkt } = cnf as { readonly jkt?: unknown }
  return typeof jkt === 'string' ? jkt : ''
}

function refusal(
  error: Refusal['error'],
  nonce: string | null,
  algorithms: readonly string[],
  binding: 'prefer' | 'require',
): Refusal {
  const attributes = [
    ...(error === 'missing_token' ? [] : [`error="${error}"`]),
    `algs="${algorithms.join(' ')}"`,
  ]
  const isAboutProof = error === 'invalid_dpop_proof' || error === 'use_dpop_nonce'
  const bearer = binding === 'require' || isAboutProof ? '' : ', Bearer'
  const challenge = `DPoP ${attributes.join(', ')}${bearer}`
  const headers = { 'www-authenticate': challenge, 'cache-control': 'no-store', ...nonceHeaders(nonce) }
  return { ok: false, status: 401, error, headers }
}

function nonceHeaders(nonce: string | null): Readonly<Record<string, string>> {
  return nonce === null ? {} : { 'dpop-nonce': nonce, 'cache-control': 'no-store' }
}
