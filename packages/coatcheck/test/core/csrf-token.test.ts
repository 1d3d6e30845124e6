import nodeCrypto from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { issueCsrfToken, verifyCsrfToken } from '../../src/core/csrf-token.ts'
import { fromBase64Url, toBase64Url } from '../../src/core/encoding.ts'
import { HmacKey } from '../../src/core/hmac.ts'
import { KeyRing } from '../../src/core/key-ring.ts'
import { systemEnvironment } from '../../src/core/platform.ts'
import { newSessionId } from '../../src/core/token.ts'
import { environment, id, ring, ringOf, secret, token } from './token-samples.ts'

const csrfToken = issueCsrfToken(ring, environment, id)

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a CSRF token', () => {
  it('CSRF-03 is accepted for the session that it was issued for', () => {
    expect(csrfToken).toMatch(/^[A-Za-z0-9_-]{44}$/)
    expect(verifyCsrfToken(ring, id, csrfToken)).toBe(true)
  })

  it('CSRF-03 is refused for any other session, so also after a login, which gives a new id', () => {
    const other = newSessionId(environment, 'user')
    expect(verifyCsrfToken(ring, other, csrfToken)).toBe(false)
    expect(verifyCsrfToken(ring, '', csrfToken)).toBe(false)
    expect(verifyCsrfToken(ring, id.toLowerCase(), csrfToken)).toBe(false)
    expect(verifyCsrfToken(ring, `${id} `, csrfToken)).toBe(false)
  })

  it('CSRF-03 is never twice the same, and no part of it but the first character repeats', () => {
    const tokens = Array.from({ length: 1_000 }, () => issueCsrfToken(ring, systemEnvironment, id))
    expect(new Set(tokens).size).toBe(1_000)
    for (let at = 2; at < csrfToken.length; at++) {
      expect(new Set(tokens.map((text) => text.charAt(at))).size).toBeGreaterThan(40)
    }
    for (const text of tokens) expect(verifyCsrfToken(ring, id, text)).toBe(true)
  })

  it('CSRF-03 is the same in every release: a form that one rendered, the next accepts', () => {
    const master = Uint8Array.from({ length: 32 }, (_, i) => i)
    const fixed = new KeyRing([{ slot: 5, state: 'current', master }], { name: 'default' })
    const random = { ...environment, randomBytes: () => Uint8Array.from({ length: 16 }, (_, i) => 200 + i) }
    // Computed from the description of the layout by another implementation.
    const known = 'FcjJysvMzc7P0NHS09TV1tceIqR9C9tAAH3QKUZo6r9W'
    expect(issueCsrfToken(fixed, { ...systemEnvironment, ...random }, 'binding')).toBe(known)
  })

  it('CSRF-03 outlives a change of keys, until its key is removed', () => {
    expect(verifyCsrfToken(ringOf('default', [0, 'retired'], [1, 'current']), id, csrfToken)).toBe(true)
    expect(verifyCsrfToken(ringOf('default', [1, 'current']), id, csrfToken)).toBe(false)
    const next = issueCsrfToken(ringOf('default', [0, 'retired'], [1, 'current']), environment, id)
    expect(verifyCsrfToken(ringOf('default', [0, 'current'], [1, 'next']), id, next)).toBe(true)
  })

  it('CSRF-03 is refused by an instance of another name with the same keys', () => {
    expect(verifyCsrfToken(ringOf('admin', [0, 'current']), id, csrfToken)).toBe(false)
  })

  it('CSRF-04 cannot be made to fit a binding by moving bytes between the random part and the binding', () => {
    const text = fc.string({ unit: 'binary', maxLength: 8 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        fc.pre(a.isWellFormed() && b.isWellFormed())
        expect(verifyCsrfToken(ring, b, issueCsrfToken(ring, environment, a))).toBe(a === b)
        expect(verifyCsrfToken(ring, a + b, issueCsrfToken(ring, environment, a))).toBe(b === '')
      }),
    )
  })

  it('CSRF-04 takes no binding that has no bytes of its own, so that no two share a token', () => {
    expect(() => issueCsrfToken(ring, environment, 'a\ud800')).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE' }),
    )
    const replaced = issueCsrfToken(ring, environment, 'a\ufffd')
    expect(verifyCsrfToken(ring, 'a\ufffd', replaced)).toBe(true)
    expect(verifyCsrfToken(ring, 'a\ud800', replaced)).toBe(false)
  })

  it('CSRF-04 is never accepted with any single bit changed', () => {
    const bytes = fromBase64Url(csrfToken) ?? new Uint8Array()
    const full = ringOf('default', [0, 'current'], [1, 'retired'], [2, 'next'])
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = bytes.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
      expect(verifyCsrfToken(full, id, toBase64Url(changed))).toBe(false)
    }
  })

  it('CSRF-04 is refused under a version that does not exist, also with a MAC that fits', () => {
    const head = new Uint8Array(17).fill(7)
    const signed = (version: number) => {
      head[0] = version << 4
      const mac = ring.mac('csrf', 0, head, new TextEncoder().encode(id))
      return toBase64Url(new Uint8Array([...head, ...mac.slice(0, 16)]))
    }
    expect(verifyCsrfToken(ring, id, signed(1))).toBe(true)
    expect(verifyCsrfToken(ring, id, signed(0))).toBe(false)
    expect(verifyCsrfToken(ring, id, signed(2))).toBe(false)
  })

  it('CSRF-05 cannot be replaced by anything an attacker can set or know', () => {
    const mac = toBase64Url(ring.mac('csrf', 0, fromBase64Url(id) ?? new Uint8Array()))
    for (const text of [id, token, toBase64Url(secret), mac, mac.padEnd(44, 'A'), 'A'.repeat(44)]) {
      expect(verifyCsrfToken(ring, id, text)).toBe(false)
    }
  })

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['undefined', undefined],
    ['null', null],
    ['a list with the token', [csrfToken]],
    ['an object that turns into the token', { toString: () => csrfToken, length: 44 }],
    ['a String object', Object(csrfToken)],
    ['a token cut short', csrfToken.slice(0, 43)],
    ['a token with one character more', `${csrfToken}A`],
    ['a token with padding', `${csrfToken.slice(0, 43)}=`],
    ['a token with a NUL', `${csrfToken.slice(0, 43)}\0`],
    ['a token with a letter outside ASCII', `${csrfToken.slice(0, 43)}\u0141`],
    ['a megabyte', 'A'.repeat(1_000_000)],
  ])('CSRF-05 is not %s, which is refused without a MAC', (_, value) => {
    const mac = vi.spyOn(HmacKey.prototype, 'macOf')
    expect(verifyCsrfToken(ring, id, value)).toBe(false)
    expect(mac).not.toHaveBeenCalled()
  })

  it('TOK-08 has its MAC compared by timingSafeEqual', () => {
    const spy = vi.spyOn(nodeCrypto, 'timingSafeEqual')
    verifyCsrfToken(ring, id, csrfToken)
    verifyCsrfToken(ring, 'other', csrfToken)
    expect(spy).toHaveBeenCalledTimes(2)
  })
})
