import {
  CompactSign,
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type JWK,
} from 'jose'
import type { Environment } from '../../../src/core/environment.ts'
import { sha256 } from '../../../src/core/platform.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'

/** What a proof says; anything may be left out (`undefined`) or replaced. */
export interface ProofParts {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
}

export interface ProofTarget {
  readonly method?: string
  readonly url?: string
  readonly accessToken?: string
  readonly nonce?: string | null
}

/** A client with a key of its own that makes proofs, honest ones unless told otherwise. */
export class ProofClient {
  readonly jwk: JWK
  readonly jkt: string
  readonly #privateKey: CryptoKey
  readonly #algorithm: string
  readonly #environment: Environment
  #count = 0

  private constructor(
    keys: { readonly jwk: JWK; readonly jkt: string; readonly privateKey: CryptoKey },
    algorithm: string,
    environment: Environment,
  ) {
    this.jwk = keys.jwk
    this.jkt = keys.jkt
    this.#privateKey = keys.privateKey
    this.#algorithm = algorithm
    this.#environment = environment
  }

  static async create(
    environment: Environment = new FakeEnvironment(),
    algorithm = 'ES256',
  ): Promise<ProofClient> {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
    const jwk = await exportJWK(publicKey)
    const jkt = await calculateJwkThumbprint(jwk, 'sha256')
    return new ProofClient({ jwk, jkt, privateKey }, algorithm, environment)
  }

  /** The private key as a JWK: for proofs that give it away. */
  async privateJwk(): Promise<JWK> {
    return exportJWK(this.#privateKey)
  }

  async proof(target: ProofTarget = {}, parts: ProofParts = {}): Promise<string> {
    const { method = 'GET', url = 'https://shop.example/', accessToken, nonce } = target
    const claims = {
      jti: `proof ${++this.#count} of ${this.jkt}`,
      htm: method,
      htu: url,
      iat: Math.floor(this.#environment.now() / 1_000),
      ...(accessToken === undefined ? {} : { ath: sha256(accessToken) }),
      ...(nonce === undefined || nonce === null ? {} : { nonce }),
      ...parts.claims,
    }
    const header = { typ: 'dpop+jwt', alg: this.#algorithm, jwk: this.jwk, ...parts.header }
    return this.sign(header, claims)
  }

  /** Signs whatever it is given; what is undefined is not there. */
  sign(header: Readonly<Record<string, unknown>>, claims: unknown): Promise<string> {
    const payload = new TextEncoder().encode(typeof claims === 'string' ? claims : JSON.stringify(claims))
    const protectedHeader = JSON.parse(JSON.stringify(header)) as { alg: string }
    return new CompactSign(payload)
      .setProtectedHeader(protectedHeader)
      .sign(this.#privateKey, { crit: { urn: true } })
  }
}
