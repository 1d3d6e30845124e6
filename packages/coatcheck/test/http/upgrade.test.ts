import { describe, expect, it } from 'vitest'
import { mayUpgrade, NO_RESPONSE, resolveOrigins } from '../../src/http/upgrade.ts'
import { FakeExchange } from '../helpers/fake-exchange.ts'

function exchange(origin: string | undefined, cookie = true) {
  return new FakeExchange({
    headers: { ...(origin === undefined ? {} : { origin }), ...(cookie ? { cookie: 'a=1' } : {}) },
  })
}

describe('an upgrade', () => {
  it.each([
    ['https://shop.example', true],
    ['https://shop.example:443', true],
    ['http://shop.example', false],
    ['https://shop.example:8443', false],
    ['https://evil.example', false],
    ['https://shop.example.evil.example', false],
    ['https://shop.example@evil.example', false],
    ['null', false],
    ['', false],
    ['https://shop.example, https://evil.example', false],
    ['https://shop.example/path', false],
  ])('TRN-08 CSRF-08 by a page of %s', (origin, allowed) => {
    expect(mayUpgrade(exchange(origin), null)).toBe(allowed)
  })

  it('TRN-08 goes by the list alone where there is one', () => {
    const allowed = resolveOrigins(['https://app.example'], 'allowedOrigins')
    expect(mayUpgrade(exchange('https://app.example'), allowed)).toBe(true)
    expect(mayUpgrade(exchange('https://shop.example'), allowed)).toBe(false)
  })

  it('TRN-08 without an Origin is for clients without a cookie alone', () => {
    expect(mayUpgrade(exchange(undefined, true), null)).toBe(false)
    expect(mayUpgrade(exchange(undefined, false), null)).toBe(true)
    expect(mayUpgrade(exchange('https://evil.example', false), null)).toBe(false)
  })

  it.each(['*', 'shop.example', 'https://shop.example/', 'null', ''])(
    'refuses the origin %o in a list',
    (origin) => {
      expect(() => resolveOrigins(['https://a.example', origin], 'allowedOrigins')).toThrow(
        'Option allowedOrigins[1] must be an origin',
      )
    },
  )

  it('has no response headers', () => {
    expect(NO_RESPONSE.sent).toBe(true)
    expect(() => NO_RESPONSE.appendSetCookie('a=1')).toThrow('no response headers')
  })
})
