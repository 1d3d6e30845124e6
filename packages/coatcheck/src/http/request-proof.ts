import { AccessError } from '../core/errors.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { Proof } from '../core/proof.ts'
import type { ProofError, ProofVerifier } from '../core/proof-verifier.ts'
import { type Exchange, pathOf } from './exchange.ts'

/** How bearer sessions are bound to keys of their clients. */
export interface BindingSettings {
  /** `require`: a bearer session without a key is neither made nor accepted. */
  readonly policy: 'prefer' | 'require'
  readonly proofs: ProofVerifier
}

/** Request header that carries proofs, and the response header with the nonce for the next ones (RFC 9449). */
export const PROOF_HEADER = 'dpop'
export const NONCE_HEADER = 'dpop-nonce'

/** A proof that is missing or not right; a 401 that tells the client what is wrong, and which nonce to use. */
export class ProofRefusedError extends AccessError {
  readonly proofError: ProofError
  readonly nonce: string | null

  constructor(proofError: ProofError, nonce: string | null) {
    super(
      'ERR_DPOP_PROOF',
      proofError === 'use_dpop_nonce'
        ? 'Make the proof again with the nonce in DPoP-Nonce.'
        : 'The request has no proof (DPoP) that is right, or one that came before.',
    )
    this.proofError = proofError
    this.nonce = nonce
  }
}

/** The proof that came with a request: verified at most once, and only where somebody goes by it. */
export class RequestProof {
  readonly #exchange: Exchange
  readonly #settings: BindingSettings
  #proof: Proof | null = null
  #nonce: string | null = null

  constructor(exchange: Exchange, settings: BindingSettings) {
    this.#exchange = exchange
    this.#settings = settings
  }

  /** For the response's `DPoP-Nonce`; `null`: nothing to tell. */
  get nonce(): string | null {
    return this.#nonce
  }

  /** The proof that came with this token, and speaks of it. Throws `ERR_DPOP_PROOF`. */
  of(token: string): Promise<Proof> {
    return this.#check(token)
  }

  /** Thumbprint of the key that a new bearer session is to be bound to, `null`: none. Throws `ERR_DPOP_PROOF`. */
  async forNewSession(): Promise<string | null> {
    const mayGoWithout = this.#settings.policy === 'prefer'
    if (mayGoWithout && this.#exchange.header(PROOF_HEADER) === undefined) return null
    const proof = this.#proof ?? (await this.#check(null))
    if (await proof.spend()) return proof.jkt
    throw new ProofRefusedError('invalid_dpop_proof', this.#nonce)
  }

  async #check(token: string | null): Promise<Proof> {
    const { method, url, connection } = this.#exchange
    const { host, encrypted } = connection
    const request = {
      method,
      url: host === undefined ? null : `${encrypted ? 'https' : 'http'}://${host}${pathOf(url)}`,
      proofs: this.#exchange.headerValues(PROOF_HEADER),
    }
    const verdict = await this.#settings.proofs.check(request, token)
    this.#nonce = verdict.nonce
    if (!verdict.ok) throw new ProofRefusedError(verdict.error, verdict.nonce)
    this.#proof = verdict.proof
    return verdict.proof
  }
}

/** Nothing to wait for where no proof is wanted. */
export function bindingOf(proof: RequestProof | null): MaybePromise<string | null> {
  return proof === null ? null : proof.forNewSession()
}
