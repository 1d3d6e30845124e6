import type { Environment } from '../../core/environment.ts'
import { UsageError } from '../../core/errors.ts'
import { KeyRing } from '../../core/key-ring.ts'
import type { SessionManager } from '../../core/manager.ts'
import type { MaybePromise } from '../../core/maybe-promise.ts'
import { constantTimeEqual, sha256, systemEnvironment } from '../../core/platform.ts'
import type { Proof } from '../../core/proof.ts'
import type { ProofError, ProofRequest, ProofVerdict, ProofVerifier } from '../../core/proof-verifier.ts'
import { type AccessAnswer, type AccessVerifier, authenticateAccess, type PresentedAccess } from './access.ts'
import { type DpopOptions, type DpopSettings, resolveDpopOptions } from './dpop-options.ts'
import { type KnownNonce, Nonces } from './nonces.ts'
import { type ProofClaims, ProofReader } from './proof-jwt.ts'
import { fleetReplays, ProcessReplays, type Replays, replayKey } from './replays.ts'
import { normalizePath, parseTarget } from './target.ts'

/** A request with the proof that came with it. */
export interface ProvenRequest {
  readonly method: string
  /** As clients see it: absolute, or with the option `origins` its path alone. */
  readonly url: string
  /** The value of the header `DPoP`, or each of its fields; `undefined` where there is none. */
  readonly proof: string | readonly string[] | undefined
  /** The token that was presented with it, which the proof then has to speak of (`ath`). */
  readonly accessToken?: string
}

/** `nonce`: to be sent as the header `DPoP-Nonce`, with `Cache-Control: no-store`; `null`: nothing to send. */
export type ProofAnswer =
  | { readonly ok: true; readonly jkt: string; readonly nonce: string | null }
  | { readonly ok: false; readonly error: ProofError; readonly nonce: string | null }

/**
 * Proofs of possession (DPoP, RFC 9449): whose key a request was made with. For sessions give it to `createSessions`; for
 * access tokens and token endpoints call it yourself. Throws `ERR_OPTION` for options that cannot work.
 *
 * @example
 * ```ts
 * import { createSessions } from 'coatcheck'
 * import { memory } from 'coatcheck/memory'
 * import { createDpop } from 'coatcheck/tokens'
 *
 * const sessions = createSessions({ store: memory(), transports: ['bearer'], dpop: createDpop() })
 * ```
 */
export function createDpop(options: DpopOptions = {}): Dpop {
  return new Dpop(resolveDpopOptions(options))
}

/** Verifies proofs: their form and signature, what they say of the request, their age, and that each comes once. */
export class Dpop implements ProofVerifier {
  readonly algorithms: readonly string[]
  readonly #settings: DpopSettings
  readonly #reader: ProofReader
  #manager: SessionManager | null = null
  #replays: Replays | null = null
  #nonces: Promise<Nonces> | null = null

  constructor(settings: DpopSettings) {
    this.algorithms = settings.algorithms
    this.#settings = settings
    this.#reader = new ProofReader(settings.algorithms)
  }

  attach(manager: SessionManager): void {
    if (this.#manager !== null && this.#manager !== manager) {
      throw new UsageError('ERR_USAGE', 'These proofs are for other sessions already; call createDpop again.')
    }
    this.#manager = manager
  }

  /** Whether the proof is right and comes for the first time (DPOP-01 to DPOP-04). Throws where the memory of proofs fails. */
  async verify(request: ProvenRequest): Promise<ProofAnswer> {
    const { method, url, proof, accessToken = null } = request
    const proofs = proof === undefined ? [] : [proof].flat()
    const verdict = await this.check({ method, url, proofs }, accessToken)
    if (!verdict.ok) return verdict
    const { nonce } = verdict
    if (!(await verdict.proof.spend())) return { ok: false, error: 'invalid_dpop_proof', nonce }
    return { ok: true, jkt: verdict.proof.jkt, nonce }
  }

  /** The same, but for whether the proof comes for the first time, which `proof.spend()` answers. */
  async check(request: ProofRequest, accessToken: string | null): Promise<ProofVerdict> {
    const text = onlyOne(request.proofs)
    const proof = text === null ? null : await this.#reader.read(text)
    if (!proof || !this.#fits(proof.claims, request, accessToken)) return this.#refused('invalid_dpop_proof')
    const { jkt, claims } = proof
    const known = await this.#nonceOf(claims)
    if (this.#settings.nonce === 'require' && known === null) return this.#refused('use_dpop_nonce')
    const counts = known?.left ?? this.#leftOf(claims.iat)
    if (!(counts > 0)) return this.#refused('invalid_dpop_proof')
    const target = parseTarget(claims.htu)
    const key = replayKey([jkt, claims.jti, claims.htm, target?.origin ?? '', target?.path ?? ''])
    const nonce = known?.isOld ? await this.#currentNonce() : null
    return { ok: true, proof: new OneProof(jkt, () => this.#memory.first(key, counts)), nonce }
  }

  /**
   * An access token with its proof: scheme, token, proof, and that the token is bound to the proven key (`cnf.jkt`). A bound
   * token as plain Bearer is refused, and one that is not bound under the scheme DPoP (DPOP-04, DPOP-05).
   */
  authenticate<C extends object>(
    request: PresentedAccess,
    verifier: AccessVerifier<C>,
  ): Promise<AccessAnswer<C>> {
    return authenticateAccess(this, request, verifier)
  }

  #fits(claims: ProofClaims, request: ProofRequest, accessToken: string | null): boolean {
    if (claims.htm !== request.method || !this.#isAt(claims.htu, request.url)) return false
    if (accessToken === null) return true
    return typeof claims.ath === 'string' && constantTimeEqual(claims.ath, sha256(accessToken))
  }

  #isAt(htu: string, url: string | null): boolean {
    const { origins, pathPrefix } = this.#settings
    const claimed = parseTarget(htu)
    if (!claimed || url === null) return false
    const first = origins?.[0]
    const actual = parseTarget(first !== undefined && url.startsWith('/') ? first + url : url)
    if (!actual) return false
    const path = pathPrefix === '' ? actual.path : normalizePath(pathPrefix + actual.path)
    return claimed.path === path && (origins ?? [actual.origin]).includes(claimed.origin)
  }

  /** Milliseconds for which a proof of this `iat` is accepted from now on; not positive where it is not. */
  #leftOf(iat: number): number {
    const { maxAge, clockTolerance } = this.#settings
    const age = this.#environment.now() - iat * 1_000
    return age < -clockTolerance ? 0 : maxAge + clockTolerance - age
  }

  async #nonceOf({ nonce }: ProofClaims): Promise<KnownNonce | null> {
    if (this.#settings.nonce === 'off') return null
    return (await this.#openNonces()).read(nonce, this.#environment.now())
  }

  async #currentNonce(): Promise<string | null> {
    if (this.#settings.nonce === 'off') return null
    return (await this.#openNonces()).current(this.#environment.now())
  }

  async #refused(error: ProofError): Promise<ProofVerdict> {
    return { ok: false, error, nonce: await this.#currentNonce() }
  }

  #openNonces(): Promise<Nonces> {
    this.#nonces ??= this.#loadNonces().catch((error) => {
      this.#nonces = null
      throw error
    })
    return this.#nonces
  }

  async #loadNonces(): Promise<Nonces> {
    const keys = this.#settings.keys ?? this.#manager?.settings.keys
    if (keys)
      return new Nonces(new KeyRing(await keys.load(), { name: 'dpop' }), this.#settings.nonceLifetime)
    throw new UsageError(
      'ERR_USAGE',
      'Nonces need the option dpop.keys where the proofs are for no sessions.',
    )
  }

  get #memory(): Replays {
    this.#replays ??= this.#openReplays()
    return this.#replays
  }

  #openReplays(): Replays {
    const { replay, maxReplays } = this.#settings
    if (replay === 'process') return new ProcessReplays(this.#environment, maxReplays)
    if (this.#manager) return fleetReplays(this.#manager)
    throw new UsageError('ERR_USAGE', "Option dpop.replay: 'fleet' needs sessions: createSessions({ dpop }).")
  }

  get #environment(): Environment {
    return this.#settings.environment ?? this.#manager?.settings.environment ?? systemEnvironment
  }
}

/** Is asked for once by each use, and counts as one. */
class OneProof implements Proof {
  readonly jkt: string
  readonly #first: () => MaybePromise<boolean>
  #spent: MaybePromise<boolean> | null = null

  constructor(jkt: string, first: () => MaybePromise<boolean>) {
    this.jkt = jkt
    this.#first = first
  }

  spend(): MaybePromise<boolean> {
    this.#spent ??= this.#first()
    return this.#spent
  }
}

function onlyOne(proofs: readonly string[]): string | null {
  return proofs.length === 1 ? (proofs[0] ?? null) : null
}
