import nodeCrypto from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { fromBase64Url, toBase64Url } from '../../src/core/encoding.ts'
import { HmacKey } from '../../src/core/hmac.ts'
import { KeyRing } from '../../src/core/key-ring.ts'
import { issueToken, parseToken } from '../../src/core/token.ts'
import { accepted, environment, id, ring, ringOf, secret, token } from './token-samples.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('what came from outside', () => {
  const garbage: [string, unknown][] = [
    ['nothing', ''],
    ['a megabyte', 'A'.repeat(1_000_000)],
    ['a megabyte that begins like a token', token + 'A'.repeat(1_000_000)],
    ['a NUL', `${token.slice(0, 40)}\0${token.slice(41)}`],
    ['a line break', `${token.slice(0, 40)}\r\n${token.slice(42)}`],
    ['%00', `${token.slice(0, 40)}%00${token.slice(43)}`],
    ['a quote of SQL', `' OR '1'='1' --`.padEnd(68, 'A')],
    ['an operator of a document database', '{"$ne":null}'.padEnd(68, 'A')],
    ['__proto__', '__proto__'],
    ['__proto__ at full length', '__proto__'.padEnd(68, 'A')],
    ['constructor', 'constructor'],
    ['a letter outside ASCII', `${token.slice(0, 67)}é`],
    ['a letter that shares its low byte with one inside', `${token.slice(0, 67)}\u0141`],
    ['a surrogate pair', `${token.slice(0, 66)}\u{1f600}`],
    ['a full-width letter', `${token.slice(0, 67)}Ａ`],
    ['a space before', ` ${token}`],
    ['a space after', `${token} `],
    ['a line feed after', `${token}\n`],
    ['padding', `${token}=`],
    ['quotes around it', `"${token}"`],
    ['a token cut short', token.slice(0, 67)],
    ['a token with one character more', `${token}A`],
    ['two tokens', token + token],
    ['the characters of base64', `${token.slice(0, 66)}+/`],
    ['an API key', 'sk_live_51H8c9x7ZmVyeXNlY3JldGtleQ'],
    ['a JWT', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'],
    ['undefined', undefined],
    ['null', null],
    ['a number', 42],
    ['a list with a token', [token]],
    ['an object that turns into a token', { toString: () => token, length: 68 }],
    ['a String object', Object(token)],
    ['bytes', fromBase64Url(token)],
    ['a symbol', Symbol.iterator],
    ['a function', () => token],
  ]

  it.each(garbage)('TOK-07 %s is malformed, and costs neither a MAC nor a hash', (_, value) => {
    const mac = vi.spyOn(HmacKey.prototype, 'macOf')
    const hash = vi.spyOn(nodeCrypto, 'hash')
    expect(parseToken(ring, value)).toEqual({ ok: false, reason: 'malformed' })
    expect(mac).not.toHaveBeenCalled()
    expect(hash).not.toHaveBeenCalled()
  })

  it('TOK-06 takes no static secret for a token, however long', () => {
    for (const text of ['sk_live_51H8c9x7ZmVyeXNlY3JldGtleQ', `sk_live_${'x'.repeat(60)}`]) {
      expect(parseToken(ring, text).ok).toBe(false)
    }
  })

  it('TOK-07 never throws and never accepts, for any text', () => {
    const likely = fc.stringMatching(/^E[A-Za-z0-9_-]{67}$/)
    fc.assert(
      fc.property(fc.oneof(likely, fc.string({ unit: 'binary', maxLength: 80 })), (text) => {
        const parsed = parseToken(ring, text)
        expect(parsed.ok && parsed.authentic).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })

  it('TOK-07 a forgery costs one MAC, which is two hashes, and no other hash', () => {
    const forged = replaceAt(token, 30)
    const mac = vi.spyOn(HmacKey.prototype, 'macOf')
    const hash = vi.spyOn(nodeCrypto, 'hash')
    expect(parseToken(ring, forged)).toEqual({ ok: false, reason: 'forged' })
    expect(mac).toHaveBeenCalledTimes(1)
    expect(hash).toHaveBeenCalledTimes(2)
  })

  it('costs one MAC when it is right, and another only if the generation is asked for', () => {
    const mac = vi.spyOn(HmacKey.prototype, 'macOf')
    const parsed = accepted(ring, token)
    expect(mac).toHaveBeenCalledTimes(1)
    parsed.generation()
    expect(mac).toHaveBeenCalledTimes(2)
  })

  it('TOK-08 has its tag compared by timingSafeEqual', () => {
    const spy = vi.spyOn(nodeCrypto, 'timingSafeEqual')
    parseToken(ring, token)
    parseToken(ring, replaceAt(token, 60))
    expect(spy).toHaveBeenCalledTimes(2)
  })

  it('STO-06 is never accepted with any single bit changed', () => {
    const bytes = fromBase64Url(token) ?? new Uint8Array()
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
      const parsed = parseToken(ring, toBase64Url(changed))
      // Bits 0 to 3 are the version, 4 to 7 the key slot: under an unknown one nothing can be vouched for.
      if (bit < 4) expect(parsed).toEqual({ ok: false, reason: 'malformed' })
      else if (bit < 8) expect(parsed).toMatchObject({ ok: true, authentic: false })
      else expect(parsed).toEqual({ ok: false, reason: 'forged' })
    }
  })

  it('STO-06 is never accepted with any single character changed, in either case', () => {
    const full = ringOf('default', [0, 'current'])
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ %.é\0'
    for (let at = 0; at < token.length; at++) {
      for (const other of alphabet) {
        if (other === token.charAt(at)) continue
        const parsed = parseToken(full, replaceAt(token, at, other))
        expect(parsed.ok && parsed.authentic).toBe(false)
      }
    }
  })

  it('STO-06 has one spelling: no two texts are the same token', () => {
    const text = fc.stringMatching(/^[A-Za-z0-9_-]{0,3}$/)
    fc.assert(
      fc.property(fc.nat(67), fc.nat(3), text, (at, length, replacement) => {
        const other = token.slice(0, at) + replacement + token.slice(at + length)
        const parsed = parseToken(ring, other)
        if (parsed.ok && parsed.authentic) expect(other).toBe(token)
      }),
      { numRuns: 1_000 },
    )
    expect(accepted(ring, token).id).toBe(id)
  })
})

describe('other keys and other instances', () => {
  it('STO-09 refuses the token of an instance of another name that has the same keys', () => {
    for (const name of ['admin', '', 'Default', 'default ', 'defaul']) {
      expect(parseToken(ringOf(name, [0, 'current']), token)).toEqual({ ok: false, reason: 'forged' })
    }
  })

  it('refuses a token whose slot was changed to another that is known', () => {
    const two = ringOf('default', [0, 'current'], [1, 'retired'])
    const moved = issueToken(two, two.currentSlot, id, secret, 7).split('')
    const bytes = fromBase64Url(moved.join('')) ?? new Uint8Array()
    bytes[0] = (1 << 4) | 1
    expect(parseToken(two, toBase64Url(bytes))).toEqual({ ok: false, reason: 'forged' })
  })

  it('refuses a token that was issued under the same slot with another key', () => {
    const other = new KeyRing([{ slot: 0, state: 'current', master: environment.randomBytes(32) }], {
      name: 'default',
    })
    expect(parseToken(other, token)).toEqual({ ok: false, reason: 'forged' })
  })

  it('STO-04 reads what a retired or a next key issued, and issues under the current one', () => {
    const rotated = ringOf('default', [0, 'retired'], [1, 'current'])
    const waiting = ringOf('default', [0, 'current'], [1, 'next'])
    expect(accepted(rotated, token).authentic).toBe(true)
    const issued = issueToken(rotated, rotated.currentSlot, id, secret, 8)
    expect(accepted(waiting, issued).generation()).toBe(8)
    expect((fromBase64Url(issued)?.[0] ?? 0) & 0b1111).toBe(1)
  })

  it('STO-04 vouches for nothing under a key that is gone', () => {
    const mac = vi.spyOn(HmacKey.prototype, 'macOf')
    const parsed = accepted(ringOf('default', [1, 'current']), token)
    expect(parsed).toMatchObject({ ok: true, id, authentic: false })
    expect(parsed.generation()).toBeNull()
    expect(mac).not.toHaveBeenCalled()
  })
})

function replaceAt(text: string, at: number, character = text.charAt(at) === 'A' ? 'B' : 'A'): string {
  return text.slice(0, at) + character + text.slice(at + 1)
}
