import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addVary,
  hasSetCookie,
  markPersonal,
  markSecret,
  putSetCookie,
} from '../../src/http/response-headers.ts'
import { FakeResponse } from './fake-exchange.ts'

describe('our Set-Cookie in a response', () => {
  it('CK-08 is one per name, the last intent winning, after what the application set', () => {
    const response = new FakeResponse({}, ['theme=dark', 'lang=de; Path=/'])
    for (const value of ['login', 'rotated', '']) putSetCookie(response, `__Host-sid=${value}; Path=/`)
    expect(response.setCookies()).toEqual(['theme=dark', 'lang=de; Path=/', '__Host-sid=; Path=/'])
  })

  it('CK-08 takes the place of all that came before under its name, however they came', () => {
    const response = new FakeResponse({}, ['sid=a', 'x=1', 'sid=b; Path=/', ' sid =c'])
    putSetCookie(response, 'sid=d')
    expect(response.setCookies()).toEqual(['x=1', 'sid=d'])
  })

  it("CK-08 disturbs none of the application's own cookies", () => {
    const own = [
      'sid2=a',
      'SID=b',
      'xsid=c',
      'a=sid=d',
      'sid',
      'b; sid=e',
      '=sid',
      'twice=1; Path=/a',
      'twice=2',
    ]
    const response = new FakeResponse({}, own)
    putSetCookie(response, 'sid=ours')
    putSetCookie(response, 'sid=ours again')
    expect(response.setCookies()).toEqual([...own, 'sid=ours again'])
  })

  it('is known to be there by its exact name', () => {
    const response = new FakeResponse({}, ['sid2=a', 'SID=b'])
    expect(hasSetCookie(response, 'sid')).toBe(false)
    putSetCookie(response, 'sid=; Max-Age=0')
    expect(hasSetCookie(response, 'sid')).toBe(true)
  })
})

describe('Vary', () => {
  it.each([
    [undefined, 'Cookie'],
    ['', 'Cookie'],
    ['Accept', 'Accept, Cookie'],
    ['cookie', 'cookie'],
    ['Accept-Encoding,COOKIE', 'Accept-Encoding,COOKIE'],
    ['X-Cookie', 'X-Cookie, Cookie'],
    ['*', '*'],
    ['Accept, *', 'Accept, *'],
  ])('of %s becomes %s', (before, after) => {
    const response = new FakeResponse(before === undefined ? {} : { vary: before })
    addVary(response, 'Cookie')
    expect(response.get('vary')).toBe(after)
  })

  it('CSRF-06 takes several names, adding those that are missing', () => {
    const response = new FakeResponse({ vary: 'origin' })
    addVary(response, 'Sec-Fetch-Site', 'Origin')
    expect(response.get('vary')).toBe('origin, Sec-Fetch-Site')
  })

  it('stays the same when the same names are added again, whatever they are', () => {
    const names = fc.array(fc.constantFrom('Cookie', 'cookie', 'Origin', 'Accept', '*'), { maxLength: 5 })
    fc.assert(
      fc.property(names, names, (before, added) => {
        const response = new FakeResponse({ vary: before.join(', ') })
        addVary(response, ...added)
        const once = response.get('vary')
        addVary(response, ...added)
        expect(response.get('vary')).toBe(once)
        if (!before.includes('*'))
          for (const name of added) expect(once?.toLowerCase()).toContain(name.toLowerCase())
      }),
    )
  })
})

describe('a response in which the session was read', () => {
  it('TRN-06 varies by what carries the token and is private', () => {
    const response = new FakeResponse()
    markPersonal(response, ['Cookie', 'Authorization'])
    expect(response.get('vary')).toBe('Cookie, Authorization')
    expect(response.get('cache-control')).toBe('private')
  })

  it.each(['public, max-age=60', 'no-cache', 'no-store'])(
    "leaves the application's own Cache-Control: %s",
    (own) => {
      const response = new FakeResponse({ 'cache-control': own })
      markPersonal(response, ['Cookie'])
      expect(response.get('cache-control')).toBe(own)
      expect(response.get('vary')).toBe('Cookie')
    },
  )
})

describe('a response that carries a credential', () => {
  it.each([undefined, 'public, max-age=60', 'private', 'no-cache', 'max-age=0', 's-maxage=9, x-no-store'])(
    'TRN-06 is not stored by any cache, Cache-Control having been %s',
    (own) => {
      const response = new FakeResponse(own === undefined ? {} : { 'cache-control': own })
      markSecret(response)
      expect(response.get('cache-control')).toBe('no-store')
    },
  )

  it.each(['no-store', 'private, No-Store', 'no-store,max-age=0'])(
    'TRN-06 keeps a Cache-Control that says so: %s',
    (own) => {
      const response = new FakeResponse({ 'cache-control': own })
      markSecret(response)
      expect(response.get('cache-control')).toBe(own)
    },
  )

  it('TRN-06 overrides what CDNs obey before Cache-Control, where it is set', () => {
    const response = new FakeResponse({
      'cdn-cache-control': 'max-age=600',
      'surrogate-control': 'max-age=9',
    })
    markSecret(response)
    expect(response.get('cdn-cache-control')).toBe('no-store')
    expect(response.get('surrogate-control')).toBe('no-store')
    expect(response.get('vercel-cdn-cache-control')).toBeUndefined()
  })
})
