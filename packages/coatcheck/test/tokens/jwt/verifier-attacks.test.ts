import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as entry from '../../../src/tokens/index.ts'
import { createAccessTokenVerifier } from '../../../src/tokens/index.ts'
import {
  AUDIENCE,
  claims,
  ecKey,
  edKey,
  encode,
  headerOf,
  hmacToken,
  ISSUER,
  rsaKey,
  signatureOf,
  signText,
  token,
  verifierOf,
} from './forge.ts'

const ec = ecKey('ec')
const ed = edKey('ed')
const rsa = rsaKey('rsa')
const { outcome } = verifierOf([ec, ed])

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('the algorithm', () => {
  it('accepts a good token of each kind of key', async () => {
    expect(await outcome(token(ec))).toBe('ok')
    expect(await outcome(token(ed))).toBe('ok')
    const others = [
      ecKey('p384', 'P-384', 'ES384'),
      ecKey('p521', 'P-521', 'ES512'),
      rsa,
      rsaKey('ps', 'PS256'),
    ]
    for (const key of others) {
      const one = verifierOf([key], { algorithms: [key.alg as 'RS256'] })
      expect(await one.outcome(token(key))).toBe('ok')
      expect(await verifierOf([ec]).outcome(token(key))).toBe('algorithm')
    }
  })

  it.each([
    'none',
    'NoNe',
    'None',
    'NONE',
    'nOnE',
    'none ',
    '',
    'es256',
    'Es256',
    'HS256',
    'ES256\u0000',
    'toString',
  ])('JWT-01 is never the one that the token asks for: "%s"', async (alg) => {
    const header = JSON.stringify(headerOf(ec, { alg }))
    const input = `${encode(header)}.${encode(JSON.stringify(claims()))}`
    expect(await outcome(`${input}.`)).toBe('malformed')
    expect(await outcome(`${input}.AAAA`)).toBe('algorithm')
    expect(await outcome(signText(ec, header, JSON.stringify(claims())))).toBe('algorithm')
  })

  it.each([null, 256, ['ES256'], { toString: 'ES256' }, true, undefined])(
    'JWT-01 is a text, not %j',
    async (alg) => {
      expect(await outcome(token(ec, {}, { alg }))).toBe('algorithm')
    },
  )

  it('JWT-01 claims are not reachable without a signature: the entry has nothing that only decodes', () => {
    expect(Object.keys(entry).filter((name) => /decode|parse|unsafe/i.test(name))).toEqual([])
  })

  it('JWT-01 a token whose claims were changed after signing is refused', async () => {
    const [header, , signature] = token(ec).split('.')
    const other = encode(JSON.stringify(claims({ sub: 'admin' })))
    expect(await outcome(`${header}.${other}.${signature}`)).toBe('signature')
  })

  it('JWT-01 says nothing about claims before the signature is right', async () => {
    const [header, payload] = token(ec, { exp: 1, iss: 'https://evil.example' }).split('.')
    expect(await outcome(`${header}.${payload}.${'A'.repeat(86)}`)).toBe('signature')
  })

  it.each([
    ['ES256', ['ES256', 'RS256']],
    ['RS256', ['RS256', 'PS256']],
  ] as const)('JWT-02 belongs to the key: with %s among %j no other is taken', async (alg, algorithms) => {
    const key = alg === 'ES256' ? ec : rsa
    const { outcome } = verifierOf([key, rsaKey('other', 'PS256')], { algorithms: [...algorithms, 'PS256'] })
    expect(await outcome(token(key))).toBe('ok')
    expect(await outcome(token({ ...key, alg: 'PS256', privateKey: rsa.privateKey }))).toBe('algorithm')
  })

  it('JWT-02 a public key is no secret: HMAC over it in any spelling is refused', async () => {
    for (const key of [ec, ed, rsa]) {
      const object = createPublicKey({ key: key.jwk as JsonWebKey, format: 'jwk' })
      const spellings = [
        object.export({ type: 'spki', format: 'pem' }),
        String(object.export({ type: 'spki', format: 'pem' })).trimEnd(),
        object.export({ type: 'spki', format: 'der' }),
        JSON.stringify(key.jwk),
        String(key.jwk.x ?? key.jwk.n),
        Buffer.from(String(key.jwk.x ?? key.jwk.n), 'base64url'),
      ]
      const { outcome } = verifierOf([key], { algorithms: [key.alg as 'ES256'] })
      for (const secret of spellings) {
        expect(await outcome(hmacToken(secret, headerOf(key, { alg: 'HS256' })))).toBe('algorithm')
        expect(await outcome(hmacToken(secret, headerOf(key)))).toBe('signature')
      }
    }
  })

  it('JWT-11 a shared secret can neither be configured nor come with a key set: there is none that could be weak', async () => {
    for (const alg of ['HS256', 'HS384', 'HS512', 'none', 'es256', 'dir', 'ES256K', 'Ed448']) {
      expect(() => verifierOf([ec], { algorithms: [alg as 'ES256'] })).toThrow('Option algorithms[0]')
    }
    expect(() => verifierOf([ec], { algorithms: [] })).toThrow('at least one algorithm')
    for (const k of ['', 'c2VjcmV0', encode('password'.repeat(8)), encode(Buffer.alloc(64, 1))]) {
      const jwks = { keys: [{ kty: 'oct', k, kid: 'ec', alg: 'HS256' }] }
      await expect(verifierOf([], { jwks }).outcome(token(ec))).rejects.toThrow('contains a secret')
    }
  })
})

describe('keys', () => {
  it('JWT-03 come from the configuration alone: a token that brings its own, or says where it lies, is refused and nothing is fetched', async () => {
    const spy = vi.fn(() => Promise.reject(new Error('network')))
    vi.stubGlobal('fetch', spy)
    const evil = ecKey('evil')
    const members = [
      { jwk: evil.jwk },
      { jku: 'https://evil.example/jwks.json' },
      { x5u: 'https://evil.example/cert.pem' },
      { x5c: [encode('certificate')] },
    ]
    for (const member of members) {
      expect(await outcome(token(evil, {}, member))).toBe('header')
      expect(await outcome(token({ ...evil, jwk: ec.jwk }, {}, member))).toBe('header')
      // Also a good signature does not make it acceptable.
      expect(await outcome(token(ec, {}, member))).toBe('header')
    }
    expect(await outcome(token(evil))).toBe('unknown-key')
    expect(spy).not.toHaveBeenCalled()
  })

  it.each([['exp'], ['b64'], ['unknown'], [], ['exp', 'exp'], 'exp', null])(
    'JWT-03 crit %j is fatal, whatever it lists',
    async (crit) => {
      expect(await outcome(token(ec, {}, { crit, exp: 1, unknown: 1 }))).toBe('header')
    },
  )

  it('JWT-03 members that change how the token is to be read are refused without crit, too', async () => {
    for (const member of [{ b64: false }, { b64: true }, { zip: 'DEF' }, { cty: 'JWT' }]) {
      expect(await outcome(token(ec, {}, member))).toBe('header')
    }
  })

  it.each([
    '../../dev/null',
    "x' OR 1=1 --",
    '__proto__',
    'constructor',
    'toString',
    '*)(uid=*',
    'https://evil.example',
    '\u0000',
  ])('JWT-04 a kid is looked up in a map and nowhere else: %s', async (kid) => {
    expect(await outcome(token(ec, {}, { kid }))).toBe('unknown-key')
    // And it may be the name of a key like any other text.
    const key = ecKey(kid)
    expect(await verifierOf([key]).outcome(token(key))).toBe('ok')
  })

  it('JWT-04 a kid is a text of 1 to 256 characters', async () => {
    for (const kid of [undefined, null, 7, '', ['ec'], {}, 'x'.repeat(257)]) {
      expect(await outcome(token(ec, {}, { kid }))).toBe('header')
    }
    expect(await outcome(token(ec, {}, { kid: 'x'.repeat(256) }))).toBe('unknown-key')
    expect(await outcome(token(ec, {}, { kid: 'x'.repeat(1_000_000) }))).toBe('too-large')
  })

  it('JWT-04 a set in which two keys have the same kid is refused as a whole', async () => {
    const { outcome } = verifierOf([ecKey('same'), ecKey('same')])
    await expect(outcome(token(ec))).rejects.toMatchObject({ code: 'ERR_OPTION' })
  })
})

describe('signatures', () => {
  const input = token(ec).split('.').slice(0, 2).join('.')
  const good = signatureOf(ec, input)
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  const zero = Buffer.alloc(32)
  const r = good.subarray(0, 32)
  const s = good.subarray(32)

  it.each([
    ['r and s zero', Buffer.alloc(64)],
    ['r zero', Buffer.concat([zero, s])],
    ['s zero', Buffer.concat([r, zero])],
    ['r the order', Buffer.concat([order, s])],
    ['s the order', Buffer.concat([r, order])],
    ['r and s the order', Buffer.concat([order, order])],
    ['all ones', Buffer.alloc(64, 0xff)],
    ['r one, s one', Buffer.concat([plusOne(zero), plusOne(zero)])],
    ['r beyond the order', Buffer.concat([plusOne(order), s])],
    ['DER of zeros', Buffer.from('3006020100020100', 'hex')],
    ['DER of a right one', toDer(r, s)],
    ['one byte too many', Buffer.concat([good, Buffer.alloc(1)])],
    ['a byte in front', Buffer.concat([Buffer.alloc(1), good])],
    ['leading zeros', Buffer.concat([Buffer.alloc(2), r, Buffer.alloc(2), s])],
    ['one byte too few', good.subarray(0, 63)],
    ['half', r],
    ['twice', Buffer.concat([good, good])],
    ['another message', signatureOf(ec, `${input}x`)],
    ['halves swapped', Buffer.concat([s, r])],
  ])('JWT-10 %s are refused', async (_, signature) => {
    expect(await outcome(`${input}.${signature.toString('base64url')}`)).toBe('signature')
  })

  it('JWT-10 MAYCAQACAQA is refused, and so is an empty one', async () => {
    expect(await outcome(`${input}.MAYCAQACAQA`)).toBe('signature')
    expect(await outcome(`${input}.`)).toBe('malformed')
    expect(await outcome(`${input}.${good.toString('base64url')}`)).toBe('ok')
  })

  it('JWT-10 EdDSA: S plus the order, zeros and wrong lengths are refused', async () => {
    const text = token(ed)
    const at = text.lastIndexOf('.') + 1
    const signature = Buffer.from(text.slice(at), 'base64url')
    const malleable = Buffer.concat([signature.subarray(0, 32), plusEdOrder(signature.subarray(32))])
    for (const bad of [
      malleable,
      Buffer.alloc(64),
      signature.subarray(0, 63),
      Buffer.concat([signature, zero]),
    ]) {
      expect(await outcome(text.slice(0, at) + bad.toString('base64url'))).toBe('signature')
    }
  })

  it('JWT-07 with the key of another issuer do not count, although both are trusted somewhere', async () => {
    const theirs = ecKey('ec')
    const here = verifierOf([ec])
    const there = verifierOf([theirs], { issuer: 'https://partner.example' })
    expect(await here.outcome(token(theirs))).toBe('signature')
    expect(await there.outcome(token(theirs))).toBe('issuer')
    expect(await there.outcome(token(ec, { iss: 'https://partner.example' }))).toBe('signature')
  })
})

describe('what is no signed token', () => {
  it('JWT-16 an encrypted token is not supported, and refused as such without any decryption', async () => {
    for (const alg of ['dir', 'RSA-OAEP', 'RSA1_5', 'PBES2-HS256+A128KW', 'ECDH-ES']) {
      const header = encode(JSON.stringify({ alg, enc: 'A256GCM', zip: 'DEF', p2c: 10_000_000, kid: 'ec' }))
      expect(await outcome(`${header}.AAAA.AAAA.AAAA.AAAA`)).toBe('encrypted')
      expect(await outcome(`${header}..AAAA.AAAA.AAAA`)).toBe('encrypted')
    }
    expect(await outcome(token(ec, {}, { enc: 'A256GCM' }))).toBe('encrypted')
  })

  it('no key of the verifier can be an encryption algorithm', () => {
    const jwks = { keys: [ec.jwk] }
    const options = { issuer: ISSUER, audience: AUDIENCE, jwks, algorithms: ['RSA-OAEP' as 'RS256'] }
    expect(() => createAccessTokenVerifier(options)).toThrow('Option algorithms[0]')
  })
})

function plusOne(number: Buffer): Buffer {
  return Buffer.from((BigInt(`0x${number.toString('hex')}`) + 1n).toString(16).padStart(64, '0'), 'hex')
}

/** Little-endian S + L, the same number to a careless verifier (RFC 8032, section 5.1.7). */
function plusEdOrder(s: Buffer): Buffer {
  const order = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn
  const sum = BigInt(`0x${Buffer.from(s).reverse().toString('hex')}`) + order
  return Buffer.from(sum.toString(16).padStart(64, '0'), 'hex').reverse()
}

function toDer(r: Buffer, s: Buffer): Buffer {
  const integer = (value: Buffer) => {
    const signed = (value[0] ?? 0) > 127 ? Buffer.concat([Buffer.alloc(1), value]) : value
    return Buffer.concat([Buffer.from([2, signed.length]), signed])
  }
  const body = Buffer.concat([integer(r), integer(s)])
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}
