import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  framed,
  fromBase64Url,
  lengthPrefixed,
  sextetAt,
  toBase64Url,
  utf8,
} from '../../src/core/encoding.ts'

describe('base64url', () => {
  it.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('has the vector %j of RFC 4648, without its padding', (plain, encoded) => {
    expect(toBase64Url(utf8(plain))).toBe(encoded)
    expect(fromBase64Url(encoded)).toEqual(utf8(plain))
  })

  it('writes the bytes as Node does, and reads them back, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = toBase64Url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(fromBase64Url(text)).toEqual(bytes)
      }),
    )
  })

  it('TOK-07 reads nothing but the one spelling of some bytes, for any text', () => {
    const nearly = fc.stringMatching(/^[A-Za-z0-9_+/= -]{0,12}$/)
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' })), (text) => {
        const bytes = fromBase64Url(text)
        if (bytes) expect(Buffer.from(bytes).toString('base64url')).toBe(text)
        else expect(Buffer.from(text, 'base64url').toString('base64url')).not.toBe(text)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each([
    ['padding', 'Zg=='],
    ['one character alone', 'Z'],
    ['five characters', 'Zm9vY'],
    ['bits that belong to no byte, after one byte', 'Zh'],
    ['bits that belong to no byte, after two bytes', 'Zm9'],
    ['the characters of base64', '+/+/'],
    ['a space', 'Zm 9'],
    ['a line feed at the end', 'Zm9v\n'],
    ['a NUL', 'Zm9\0'],
    ['a letter of another script that shares the low byte', '\u015am9v'],
    ['a surrogate pair', 'Zm\u{1f600}'],
  ])('TOK-07 refuses %s', (_, text) => {
    expect(fromBase64Url(text)).toBeNull()
  })

  it('tells the six bits of a single character', () => {
    expect([sextetAt('A_', 0), sextetAt('A_', 1), sextetAt('A_', 2)]).toEqual([0, 63, 0])
    for (const other of ['=', '+', '\0', 'é', '\u0141']) expect(sextetAt(other, 0)).toBeGreaterThan(63)
  })
})

describe('utf8', () => {
  it.each(['', 'ascii\x7f', '\x80', 'é', 'aÿ', 'Ω', '\u{1f600}', '\ud800'])(
    'writes %j as the standard encoder does',
    (text) => {
      expect(utf8(text)).toEqual(new TextEncoder().encode(text))
    },
  )

  it('agrees with the standard encoder on any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8(text)).toEqual(new TextEncoder().encode(text))
      }),
    )
  })
})

describe('framed', () => {
  it('puts the same bytes behind those of the caller', () => {
    for (const length of [0, 3, 500, 5_000]) {
      const parts = ['text', new Uint8Array(length).fill(7)]
      const bytes = framed(64, parts).slice()
      expect(bytes.subarray(64)).toEqual(lengthPrefixed(parts))
      expect(bytes).toHaveLength(64 + 8 + 4 + length)
    }
  })
})

describe('lengthPrefixed', () => {
  it('puts four bytes of length before each part', () => {
    expect([...lengthPrefixed([utf8('ab'), utf8('')])]).toEqual([0, 0, 0, 2, 97, 98, 0, 0, 0, 0])
    expect([...lengthPrefixed([new Uint8Array(66_051)]).subarray(0, 4)]).toEqual([0, 1, 2, 3])
  })

  it('gives bytes that no later call touches, of any length', () => {
    const lengths = Array.from({ length: 400 }, (_, index) => index * 5)
    const results = lengths.map((length, index) => lengthPrefixed([new Uint8Array(length).fill(index)]))
    for (const [index, bytes] of results.entries()) {
      expect(bytes).toHaveLength(4 + index * 5)
      expect(bytes.subarray(4).every((byte) => byte === index % 256)).toBe(true)
    }
  })

  it('takes a text for its UTF-8', () => {
    for (const text of ['', 'ascii', 'käse', '\u{1f9e5} coat', '€'.repeat(2_000)]) {
      const bytes = new TextEncoder().encode(text)
      expect(lengthPrefixed(['a', text, 'b'])).toEqual(lengthPrefixed([utf8('a'), bytes, utf8('b')]))
    }
  })

  it('CSRF-04 gives different bytes for any two different lists of parts', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 4, max: 5 }), { maxLength: 4 })
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const same = JSON.stringify(a.map((part) => [...part])) === JSON.stringify(b.map((part) => [...part]))
        expect(Buffer.compare(lengthPrefixed(a), lengthPrefixed(b)) === 0).toBe(same)
      }),
      { numRuns: 2_000 },
    )
  })
})
