import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { JsonFields } from '../../../src/core/json.ts'
import { rsaWeakness } from '../../../src/tokens/jwt/key-strength.ts'
import {
  importVerificationKey,
  VERIFICATION_ALGORITHMS,
  type VerificationAlgorithm,
} from '../../../src/tokens/jwt/verification-keys.ts'
import { ecKey, edKey, encode, keyOf, rsaKey, token, verifierOf } from './forge.ts'

const ec = ecKey('ec').jwk
const ed = edKey('ed').jwk
const rsa = rsaKey('rsa').jwk

describe('a key', () => {
  it('JWT-02 is for the one algorithm that it says, or that its type allows', async () => {
    const all = VERIFICATION_ALGORITHMS
    expect(await algorithmOf(ec)).toBe('ES256')
    expect(await algorithmOf({ ...ec, alg: undefined }, all)).toBe('ES256')
    expect(await algorithmOf({ ...ed, alg: undefined }, all)).toBe('EdDSA')
    expect(await algorithmOf({ ...ed, alg: undefined }, ['Ed25519'])).toBe('Ed25519')
    expect(await algorithmOf({ ...ed, alg: 'Ed25519' }, all)).toBe('Ed25519')
    expect(await algorithmOf({ ...rsa, alg: undefined }, ['ES256', 'PS256'])).toBe('PS256')
    expect(await algorithmOf({ ...rsa, alg: undefined }, ['RS256', 'PS256'])).toContain('no algorithm')
    for (const alg of ['ES384', 'EdDSA', 'RS256', 'HS256', 'none', 'es256', 7, null]) {
      expect(await algorithmOf({ ...ec, alg: alg as string }, all)).toContain('no algorithm')
    }
    expect(await algorithmOf(rsa, ['ES256'])).toContain('no algorithm')
  })

  it('JWT-12 on a curve is a point of that very curve', async () => {
    const other = ecKey('x').jwk
    const faults: readonly JsonFields[] = [
      { ...ec, y: other.y as string },
      { ...ec, x: ec.y as string, y: ec.x as string },
      { ...ec, x: encode(Buffer.alloc(32)), y: encode(Buffer.alloc(32)) },
      { ...ec, x: encode(Buffer.alloc(32, 0xff)) },
      { ...ec, crv: 'P-384' },
      { ...ec, crv: 'P-384', alg: 'ES384' },
      { ...ec, crv: 'secp256k1', alg: 'ES256K' },
      { ...ec, crv: 'P-192' },
      { ...ec, crv: 'Ed25519' },
      { ...ed, crv: 'P-256' },
      { ...ed, kty: 'EC' },
      { ...ec, kty: 'OKP' },
      { ...ed, crv: 'X25519' },
      { ...ed, crv: 'Ed448' },
      { ...ec, x: `${ec.x}A` },
      { ...ec, x: encode(Buffer.concat([Buffer.alloc(1), Buffer.from(String(ec.x), 'base64url')])) },
      { ...ec, x: `${ec.x}=` },
      { ...ed, x: encode(Buffer.from(String(ed.x), 'base64url').subarray(1)) },
      { kty: 'EC', crv: 'P-256', kid: 'ec' },
      { kid: 'ec' },
    ]
    for (const jwk of faults) {
      expect([jwk, await algorithmOf(jwk, VERIFICATION_ALGORITHMS)]).toEqual([
        jwk,
        expect.stringContaining(' '),
      ])
    }
  })

  it.each([
    ['1', '01'.padEnd(64, '0')],
    ['2', `ec${'ff'.repeat(30)}7f`],
    ['4', '00'.repeat(32)],
    ['4, with the other sign', `${'00'.repeat(31)}80`],
    ['8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['8, with the other sign', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'],
    ['8, the other one', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['4 in another spelling', `ed${'ff'.repeat(30)}7f`],
    ['1 in another spelling', `ee${'ff'.repeat(30)}7f`],
  ])('JWT-12 of Ed25519 is no point of small order, for which anybody can sign: order %s', async (_, hex) => {
    const x = encode(Buffer.from(hex, 'hex'))
    // With OpenSSL before 3.5, R = neutral and S = 0 verifies for every eighth message at least.
    expect(await algorithmOf({ ...ed, x })).toMatch(/small order|one spelling/)
  })

  it('JWT-12 of RSA has at least 2,048 bits and an odd exponent above 2', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
    expect(await rsaFault({ n: String(weak.n) })).toContain('has 1024 bits')
    expect(await rsaFault({ e: 'AQ' })).toContain('exponent')
    expect(await rsaFault({ e: 'Ag' })).toContain('exponent')
    expect(await rsaFault({ e: 'AQAA' })).toContain('exponent')
    expect(await rsaFault({ e: '' })).toContain('no modulus or exponent')
    expect(await rsaFault({ e: 'AAEAAQ' })).toContain('begins with a zero byte')
    expect(await rsaFault({ n: encode(Buffer.alloc(256, 0xfe)) })).toContain('even')
    expect(await rsaFault({ n: encode(Buffer.alloc(1025, 0xff)) })).toContain('more than 8192')
    expect(await rsaFault({ n: `${rsa.n}=` })).toContain('base64url')
    expect(await rsaFault({})).toBe('RS256')
  })

  it('JWT-12 of RSA from a generator with the ROCA fault is refused, others are not', () => {
    const exponent = Buffer.from([1, 0, 1])
    for (let seed = 1; seed <= 5; seed++) {
      expect(rsaWeakness(rocaModulus(seed), exponent)).toContain('ROCA')
    }
    for (let i = 0; i < 3; i++) {
      const n = Buffer.from(String(rsaKey('x').jwk.n), 'base64url')
      expect(rsaWeakness(n, exponent)).toBeNull()
    }
  })

  it('JWT-15 is refused where it holds a secret: what is published by mistake verifies nothing', async () => {
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) {
      expect(await algorithmOf({ ...ec, [member]: 'AAAA' })).toBe('contains a secret')
    }
    expect(await algorithmOf({ kty: 'oct', k: encode(Buffer.alloc(64)), kid: 'x' })).toBe('contains a secret')
  })

  it('is for signatures where it says what it is for', async () => {
    expect(await algorithmOf({ ...ec, use: 'enc' })).toContain('use')
    expect(await algorithmOf({ ...ec, key_ops: ['sign'] })).toContain('key_ops')
    expect(await algorithmOf({ ...ec, key_ops: 'verify' })).toContain('key_ops')
    expect(await algorithmOf({ ...ec, use: undefined, key_ops: ['verify'] })).toBe('ES256')
  })

  it('JWT-04 needs a kid of a bounded length', async () => {
    for (const kid of [undefined, null, '', 7, 'x'.repeat(257)]) {
      expect(await algorithmOf({ ...ec, kid: kid as string })).toContain('kid')
    }
  })
})

describe('a fixed list of keys', () => {
  it('must be usable to the last one, and the message does not quote it', async () => {
    const good = ecKey('good')
    const weak = { ...ec, kid: 'weak', crv: 'P-192' }
    const { outcome } = verifierOf([], { jwks: { keys: [good.jwk, weak] } })
    await expect(outcome(token(good))).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: 'Option jwks cannot be used: key 2 is of a type or curve that is not supported.',
    })
    for (const jwks of [{ keys: 'x' }, { keys: [7] }, { keys: Array.from({ length: 101 }, () => ec) }]) {
      await expect(verifierOf([], { jwks: jwks as { keys: [] } }).outcome(token(good))).rejects.toThrow(
        'Option jwks',
      )
    }
  })

  it('must be there', () => {
    for (const jwks of [
      undefined,
      null,
      7,
      [],
      {},
      'keys',
      'http://example.com/jwks',
      'ftp://example.com',
      'https://user:pass@example.com',
    ]) {
      expect(() => verifierOf([], { jwks: jwks as string })).toThrow('Option jwks')
    }
  })

  it('signs with the same private key that the published one belongs to', () => {
    // The helper itself: a public JWK cannot be taken for a private one.
    expect(() => keyOf(ec)).toThrow()
  })
})

async function algorithmOf(
  jwk: { readonly [member: string]: JsonFields[string] | undefined },
  algorithms: readonly VerificationAlgorithm[] = ['ES256', 'EdDSA'],
): Promise<string> {
  const given = JSON.parse(JSON.stringify(jwk)) as JsonFields
  const key = await importVerificationKey(given, algorithms)
  return typeof key === 'string' ? key : key.algorithm
}

function rsaFault(changes: JsonFields): Promise<string> {
  return algorithmOf({ ...rsa, ...changes }, ['RS256'])
}

/** A number with the fingerprint: a power of 65537 modulo the product of the small primes. Its factors do not matter for the test. */
function rocaModulus(seed: number): Buffer {
  const primes = Array.from({ length: 168 }, (_, n) => n).filter(
    (n) => n > 1 && Array.from({ length: n - 2 }, (_, i) => i + 2).every((d) => n % d !== 0),
  )
  const product = primes.reduce((all, prime) => all * BigInt(prime), 1n)
  let residue = BigInt(1)
  for (let i = 0; i < 1000 + seed; i++) residue = (residue * 65_537n) % product
  const multiple = (BigInt(`0x8${'0'.repeat(511)}`) / product + BigInt(2 * seed)) * product
  return Buffer.from((multiple + residue).toString(16).padStart(512, '0'), 'hex')
}
