import type { SessionManager } from './manager.ts'
import type { Proof } from './proof.ts'

/** A request as far as a proof speaks of it. */
export interface ProofRequest {
  readonly method: string
  /** As its client sees it: scheme, host and path; query and fragment do not matter. `null` where nobody can tell. */
  readonly url: string | null
  /** Every field of the header that carries proofs; one by rights. */
  readonly proofs: readonly string[]
}

/** What is wrong with a proof, in the words of RFC 9449. */
export type ProofError = 'invalid_dpop_proof' | 'use_dpop_nonce'

/** `nonce`: what the response is to give the client for its next proofs, `null`: nothing. */
export type ProofVerdict =
  | { readonly ok: true; readonly proof: Proof; readonly nonce: string | null }
  | { readonly ok: false; readonly error: ProofError; readonly nonce: string | null }

/** Says whose key a request was made with. Given to `createSessions`, so that only who wants proofs loads what checks them. */
export interface ProofVerifier {
  /** JWS algorithms that are accepted, for challenges. */
  readonly algorithms: readonly string[]
  /** Tells whose sessions the proofs are for, before the first is verified. */
  attach(manager: SessionManager): void
  /** `accessToken`: the token that was presented with the proof, which has to speak of it; `null`: none. */
  check(request: ProofRequest, accessToken: string | null): Promise<ProofVerdict>
}
