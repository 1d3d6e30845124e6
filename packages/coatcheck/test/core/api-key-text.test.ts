import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  API_KEY_PREFIX,
  apiKeyHint,
  apiKeyLength,
  parseApiKeyText,
  toApiKeyText,
} from '../../src/core/api-key-text.ts'
import { newSecret, newSessionId } from '../../src/core/token.ts'
import { hasTokenInUrl, kindOf, withoutTokens } from '../../src/core/token-forms.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const environment = new FakeEnvironment()
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** What docs/guides/api-keys.md tells scanners to look for. */
const DOCUMENTED = /\bshop_[0-9A-Za-z]{22}_[0-9A-Za-z]{39}\b/

describe('the text of an API key', () => {
  it('API-02 is matched by the documented expression, in 100,000 keys, and read back', () => {
    const seen = new Set<string>()
    for (let i = 0; i < 100_000; i++) {
      const id = newSessionId(environment, `owner ${i % 300}`)
      const text = toApiKeyText('shop', id, newSecret(environment))
      if (!DOCUMENTED.test(text) || parseApiKeyText('shop', text)?.id !== id) throw new Error(text)
      seen.add(text)
    }
    expect(seen.size).toBe(100_000)
  })

  it('API-02 is refused with any one character changed, left out or doubled, and with any two swapped', () => {
    const text = make()
    for (let at = 0; at < text.length; at++) {
      const [before, after] = [text.slice(0, at), text.slice(at + 1)]
      for (const digit of `${DIGITS}_-=`) {
        if (digit !== text[at]) expect(parseApiKeyText('shop', before + digit + after)).toBeNull()
      }
      expect(parseApiKeyText('shop', before + after)).toBeNull()
      expect(parseApiKeyText('shop', before + text[at] + text[at] + after)).toBeNull()
      const swapped = before + (after[0] ?? '') + text[at] + after.slice(1)
      if (swapped !== text) expect(parseApiKeyText('shop', swapped)).toBeNull()
    }
  })

  it('API-02 ends in the CRC-32 of all before it in base62, so that anybody can check it', () => {
    const text = make()
    let [left, digits] = [crc32(text.slice(0, -6)), '']
    for (let i = 0; i < 6; i++) {
      digits = DIGITS[left % 62] + digits
      left = Math.floor(left / 62)
    }
    expect(text.slice(-6)).toBe(digits)
  })

  it('API-01 TOK-02 holds a secret of 192 bits, all of which differ from key to key', () => {
    const zeros = toApiKeyText('shop', newSessionId(environment, null), new Uint8Array(24))
    const ones = toApiKeyText('shop', newSessionId(environment, null), new Uint8Array(24).fill(255))
    expect(zeros.slice(28, -6)).toBe('0'.repeat(33))
    expect(ones.slice(28, -6)).toMatch(/^[1-9A-Za-z][0-9A-Za-z]{32}$/)
    expect(62n ** 33n).toBeGreaterThan(2n ** 192n)
  })

  it('has one spelling: an id of more than 16 bytes is none', () => {
    const text = `shop_${'z'.repeat(22)}_${'0'.repeat(33)}`
    let [left, digits] = [crc32(text), '']
    for (let i = 0; i < 6; i++) {
      digits = DIGITS[left % 62] + digits
      left = Math.floor(left / 62)
    }
    expect(parseApiKeyText('shop', text + digits)).toBeNull()
  })

  it('TOK-07 is read from any value without a throw', () => {
    const text = make()
    for (const value of [
      undefined,
      null,
      7,
      {},
      [],
      [text],
      new String(text),
      '',
      `${text}\n`,
      `${text}\0`,
    ]) {
      expect(parseApiKeyText('shop', value)).toBeNull()
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 60, maxLength: 75 }), (noise) => {
        expect(parseApiKeyText('shop', noise)).toBeNull()
        expect(parseApiKeyText('shop', `shop_${noise}`.slice(0, text.length))).toBeNull()
      }),
    )
  })

  it('is of its own prefix only, also where one prefix begins with another', () => {
    const text = make('shop')
    for (const other of ['sho', 'shops', 'shop_', 'shop_live', 'store']) {
      expect(parseApiKeyText(other, text)).toBeNull()
    }
    const live = make('shop_live')
    expect(parseApiKeyText('shop', live)).toBeNull()
    expect(parseApiKeyText('shop_live', live)).not.toBeNull()
    expect(live).toHaveLength(apiKeyLength('shop_live'))
  })

  it('begins as its hint does, which holds nothing of the secret', () => {
    const id = newSessionId(environment, null)
    const text = toApiKeyText('shop', id, newSecret(environment))
    expect(text.startsWith(apiKeyHint('shop', id))).toBe(true)
    expect(apiKeyHint('shop', id)).toMatch(/^shop_[0-9A-Za-z]{8}$/)
  })

  it.each(['', 'a', 'A1', '1a', 'a-b', 'shop_', '_shop', 'a'.repeat(25), 'shöp'])(
    'does not begin with %j',
    (prefix) => {
      expect(API_KEY_PREFIX.test(prefix)).toBe(false)
    },
  )
})

describe('the kinds of token', () => {
  const session = `E${'a-_9'.repeat(17)}`.slice(0, 68)
  const jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl'

  it('are told apart by their whole grammar', () => {
    expect(kindOf(session)).toBe('session')
    expect(kindOf(make())).toBe('api-key')
    expect(kindOf(make('a1'))).toBe('api-key')
    expect(kindOf(make('a'.repeat(24)))).toBe('api-key')
    expect(kindOf(jwt)).toBe('access-token')
    for (const text of [
      '',
      'shop',
      session.slice(1),
      `x${make()} `,
      `${make()}0`,
      'a.b.c',
      `${jwt}.`,
      'eyJ.eyJ.',
    ]) {
      expect(kindOf(text)).toBeNull()
    }
  })

  it('never share a text: a session token begins with a capital, a key does not, a JWT has dots', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 40 }), (bytes) => {
        const source = new FakeEnvironment({ seed: bytes[0] ?? 0 })
        const text = toApiKeyText('shop', newSessionId(source, null), bytes.slice(16))
        expect(kindOf(text)).toBe('api-key')
      }),
    )
  })

  it('AUD-01 are all taken out of what is logged', () => {
    for (const text of [session, make(), make('shop_live'), jwt]) {
      expect(withoutTokens(`/a?key=${text}&b=1`)).toBe('/a?key=[token]&b=1')
      expect(withoutTokens(text)).toBe('[token]')
    }
    expect(withoutTokens(`/${'a_'.repeat(5_000)}`)).toHaveLength(10_001)
  })

  it('TRN-03 are found in a URL, but for access tokens: those of others are in URLs rightly', () => {
    expect(hasTokenInUrl(`/x?api_key=${make()}`)).toBe(true)
    expect(hasTokenInUrl(`/x/${make('shop_live')}/y`)).toBe(true)
    expect(hasTokenInUrl(`/x?id_token_hint=${jwt}`)).toBe(false)
    expect(hasTokenInUrl(`/x?key=${make().slice(0, -1)}`)).toBe(false)
  })
})

function make(prefix = 'shop'): string {
  return toApiKeyText(prefix, newSessionId(environment, null), newSecret(environment))
}
