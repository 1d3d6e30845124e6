import nodeCrypto from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { lengthPrefixed, utf8 } from '../../src/core/encoding.ts'
import { HmacKey } from '../../src/core/hmac.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const environment = new FakeEnvironment()

/** RFC 4231, 4.2 to 4.8; of case 5 the output is truncated. */
const vectors = [
  ['0b'.repeat(20), hex('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    hex('Jefe'),
    hex('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  ['aa'.repeat(20), 'dd'.repeat(50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [
    '0102030405060708090a0b0c0d0e0f10111213141516171819',
    'cd'.repeat(50),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
  ['0c'.repeat(20), hex('Test With Truncation'), 'a3b6167473100ee06e0c796c2955552b'],
  [
    'aa'.repeat(131),
    hex('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    'aa'.repeat(131),
    hex(
      'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
] as const

describe('HMAC-SHA-256', () => {
  it.each(vectors)('agrees with RFC 4231: key %s, data %s', (key, data, expected) => {
    const mac = new HmacKey(fromHex(key)).mac(fromHex(data))
    expect(Buffer.from(mac).toString('hex').slice(0, expected.length)).toBe(expected)
    expect(mac).toHaveLength(32)
  })

  it('agrees with the platform for keys and data of every length around a block', () => {
    for (let length = 0; length <= 200; length++) {
      const key = environment.randomBytes(length % 131)
      const data = environment.randomBytes(length)
      const expected = nodeCrypto.createHmac('sha256', key).update(data).digest('hex')
      expect(Buffer.from(new HmacKey(key).mac(data)).toString('hex')).toBe(expected)
    }
  })

  it('agrees with the platform for long data, and for short data after it', () => {
    const key = environment.randomBytes(32)
    for (const length of [10_000, 3, 300, 0]) {
      const data = environment.randomBytes(length)
      const expected = nodeCrypto.createHmac('sha256', key).update(data).digest('hex')
      expect(Buffer.from(new HmacKey(key).mac(data)).toString('hex')).toBe(expected)
    }
  })

  it('of parts is that of the parts with their lengths', () => {
    const key = new HmacKey(environment.randomBytes(32))
    const parts = ['purpose', environment.randomBytes(43), 'ümlaut', environment.randomBytes(2_000)]
    expect(key.macOf(parts)).toEqual(key.mac(lengthPrefixed(parts)))
    expect(key.macOf([])).toEqual(key.mac(new Uint8Array()))
  })

  it('answers with an array of its own each time', () => {
    const key = new HmacKey(utf8('key'))
    const first = key.mac(utf8('data'))
    const before = first.slice()
    key.mac(utf8('other data'))
    expect(first).toEqual(before)
    expect(first.buffer.byteLength).toBe(32)
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype)
  })

  it('keeps no tie to the bytes of its key, and shows none of them', () => {
    const bytes = new Uint8Array(32).fill(7)
    const key = new HmacKey(bytes)
    const before = key.mac(utf8('data'))
    bytes.fill(0)
    expect(key.mac(utf8('data'))).toEqual(before)
    expect(JSON.stringify(key)).toBe('{}')
    expect(inspect(key, { showHidden: true, depth: null })).toBe('HmacKey {}')
  })
})

function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}

function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'hex'))
}
