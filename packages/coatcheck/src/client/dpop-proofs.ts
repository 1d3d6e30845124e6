import {
  type ClientEnvironment,
  type Databases,
  host,
  parseDate,
  randomText,
  subtle,
  toBase64Url,
  wallClock,
} from './platform.ts'

interface ProofKey {
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

type CryptoKey = Awaited<ReturnType<ReturnType<typeof subtle>['importKey']>>

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
const STORE = 'keys'

/** A difference in the server's time, in milliseconds, for which a refused proof is made again. */
const NEW_TIME = 5_000

/**
 * Proofs of possession (RFC 9449), by a key that never leaves the browser: not extractable, in IndexedDB, the same for all tabs
 * and workers of the origin. The time in a proof is the server's as its `Date` header tells, counted on, since the clock of
 * the client may be wrong.
 */
export class DpopProofs {
  readonly #environment: ClientEnvironment
  readonly #name: string
  readonly #nonces = new Map<boolean, string>()
  #ahead: number
  #key: Promise<ProofKey> | null = null

  constructor(environment: ClientEnvironment, name: string) {
    this.#environment = environment
    this.#name = name
    this.#ahead = wallClock() - environment.monotonic()
  }

  /** The value of a header `DPoP`; with `accessToken` for a resource, without for the token endpoint. */
  async proof(method: string, url: URL, accessToken: string | null): Promise<string> {
    this.#key ??= loadKey(this.#name)
    const { privateKey, publicKey } = await this.#key
    const { kty, crv, x, y } = await subtle().exportKey('jwk', publicKey)
    const nonce = this.#nonces.get(accessToken === null)
    const head = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })
    const claims = encode({
      jti: randomText(16),
      htm: method,
      htu: url.origin + url.pathname,
      iat: Math.floor((this.#environment.monotonic() + this.#ahead) / 1_000),
      ...(accessToken !== null && { ath: bytes(await subtle().digest('SHA-256', utf8(accessToken))) }),
      ...(nonce !== undefined && { nonce }),
    })
    const signed = `${head}.${claims}`
    const signature = await subtle().sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, utf8(signed))
    return `${signed}.${bytes(signature)}`
  }

  /** Learns nonce and time from a response. Answers whether either is news, so that a refused proof is worth making again. */
  hear(response: Response, ofTokenEndpoint: boolean): boolean {
    const date = parseDate(response.headers.get('date'))
    const ahead = date - this.#environment.monotonic()
    const isNewTime = Math.abs(ahead - this.#ahead) > NEW_TIME
    if (isNewTime) this.#ahead = ahead
    const nonce = response.headers.get('dpop-nonce')
    const isNewNonce = nonce !== null && nonce !== this.#nonces.get(ofTokenEndpoint)
    if (isNewNonce) this.#nonces.set(ofTokenEndpoint, nonce)
    return isNewTime || isNewNonce
  }
}

function encode(value: object): string {
  return toBase64Url(utf8(JSON.stringify(value)))
}

function utf8(text: string) {
  return new TextEncoder().encode(text)
}

function bytes(buffer: ArrayBuffer): string {
  return toBase64Url(new Uint8Array(buffer))
}

/** The key of that name; makes it at first. Of two who make one at once, both take the one that was stored first. */
async function loadKey(name: string): Promise<ProofKey> {
  // Before the transaction, which would not wait for it.
  const made = (await subtle().generateKey(ALGORITHM, false, ['sign'])) as ProofKey
  return host.indexedDB ? storeFirst(host.indexedDB, name, made) : made
}

function storeFirst(indexedDb: Databases, name: string, made: ProofKey): Promise<ProofKey> {
  return new Promise((resolve, reject) => {
    const opening = indexedDb.open('coatcheck', 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE)
    opening.onerror = reject
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(STORE, 'readwrite')
      const keys = transaction.objectStore(STORE)
      const finding = keys.get(name)
      finding.onsuccess = () => finding.result ?? keys.put(made, name)
      transaction.onabort = reject
      transaction.oncomplete = () => {
        opening.result.close()
        resolve((finding.result as ProofKey | undefined) ?? made)
      }
    }
  })
}
