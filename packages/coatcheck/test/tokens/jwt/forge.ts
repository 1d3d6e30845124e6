import {
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto'
import type { JsonFields } from '../../../src/core/json.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { type AccessTokenVerifierOptions, createAccessTokenVerifier } from '../../../src/tokens/index.ts'

/** Makes tokens of any shape, right and wrong, with a signature of its own making: independent of the code under test. */

export const ISSUER = 'https://accounts.example.com'
export const AUDIENCE = 'https://orders.example.com'

/** The fake clock's start, in seconds. */
export const NOW = 1_800_000_000

export interface TestKey {
  readonly alg: string
  readonly privateKey: KeyObject
  readonly jwk: JsonFields
}

export function ecKey(kid: string, crv = 'P-256', alg = 'ES256'): TestKey {
  return testKey(alg, kid, generateKeyPairSync('ec', { namedCurve: crv }))
}

export function edKey(kid: string): TestKey {
  return testKey('EdDSA', kid, generateKeyPairSync('ed25519'))
}

export function rsaKey(kid: string, alg = 'RS256', modulusLength = 2048): TestKey {
  return testKey(alg, kid, generateKeyPairSync('rsa', { modulusLength }))
}

/** A private JWK as a key. */
export function keyOf(jwk: JsonFields): KeyObject {
  return createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
}

/** The claims of a good token, changed; `undefined` takes one away. */
export function claims(changes: { readonly [claim: string]: unknown } = {}): object {
  return {
    iss: ISSUER,
    sub: 'user-1',
    aud: AUDIENCE,
    client_id: 'shop',
    iat: NOW,
    exp: NOW + 300,
    jti: 'token-1',
    sid: 'session-1',
    ...changes,
  }
}

/** The header of a good token of this key, changed. */
export function headerOf(key: TestKey, changes: { readonly [member: string]: unknown } = {}): object {
  return { alg: key.alg, typ: 'at+jwt', kid: key.jwk.kid, ...changes }
}

/** A good token, or one with another header or other claims, signed as it is. */
export function token(
  key: TestKey,
  claimChanges: { readonly [claim: string]: unknown } = {},
  headerChanges: { readonly [member: string]: unknown } = {},
): string {
  return signText(key, JSON.stringify(headerOf(key, headerChanges)), JSON.stringify(claims(claimChanges)))
}

/** Signs any two texts, or bytes, as header and payload. */
export function signText(key: TestKey, header: string | Uint8Array, payload: string | Uint8Array): string {
  return signParts(key, encode(header), encode(payload))
}

/** Signs two parts as they are. */
export function signParts(key: TestKey, header: string, payload: string): string {
  const input = `${header}.${payload}`
  return `${input}.${signatureOf(key, input).toString('base64url')}`
}

export function signatureOf({ alg, privateKey }: TestKey, input: string): Buffer {
  const digest = alg === 'EdDSA' || alg === 'Ed25519' ? null : `sha${alg.slice(2)}`
  const padding = alg.startsWith('PS') ? { padding: 6, saltLength: Number(alg.slice(2)) / 8 } : {}
  return sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363', ...padding })
}

/** A token whose "signature" is an HMAC under a secret of the attacker's choice. */
export function hmacToken(secret: Uint8Array | string, header: object, bits = 256): string {
  const input = `${encode(JSON.stringify(header))}.${encode(JSON.stringify(claims()))}`
  return `${input}.${createHmac(`sha${bits}`, secret).update(input).digest('base64url')}`
}

export function encode(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url')
}

/** A verifier of these keys on a clock of its own. */
export function verifierOf(keys: readonly TestKey[], options: Partial<AccessTokenVerifierOptions> = {}) {
  const environment = new FakeEnvironment({ now: NOW * 1000 })
  const verifier = createAccessTokenVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    jwks: { keys: keys.map(({ jwk }) => jwk) },
    environment,
    ...options,
  })
  /** What comes of a token: `ok`, or the reason of its refusal. */
  const outcome = async (text: string): Promise<string> => {
    const found = await verifier.verify(text)
    return found.ok ? 'ok' : found.reason
  }
  return { verifier, environment, outcome }
}

function testKey(alg: string, kid: string, pair: { publicKey: KeyObject; privateKey: KeyObject }): TestKey {
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } as JsonFields
  return { alg, privateKey: pair.privateKey, jwk }
}
