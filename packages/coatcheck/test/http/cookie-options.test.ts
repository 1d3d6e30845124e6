import { describe, expect, it } from 'vitest'
import { serializeCookie, serializeDeletion } from '../../src/http/cookie.ts'
import {
  assertPersistable,
  COOKIE_DEFAULTS,
  type CookieOptions,
  droppedByBrowser,
  foreignPlaces,
  resolveCookieOptions,
  withoutTls,
} from '../../src/http/cookie-options.ts'

const refusal = (path: string) =>
  expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringContaining(path) })

describe('cookie options', () => {
  it('CK-01 CK-03 CK-05 default to a __Host- cookie with Secure, HttpOnly, SameSite=Lax, Path=/ and no Domain', () => {
    expect(resolveCookieOptions()).toEqual({
      name: '__Host-sid',
      domain: null,
      path: '/',
      secure: true,
      httpOnly: true,
      sameSite: 'lax',
      partitioned: false,
    })
    expect(COOKIE_DEFAULTS).toEqual({ name: 'sid', path: '/', sameSite: 'lax', unsafeSameSiteNone: false })
  })

  it('TOK-10 name no product, language or framework', () => {
    expect(resolveCookieOptions().name).toMatch(/^__Host-(?:sid|id|session)$/)
  })

  it('are frozen once resolved', () => {
    expect(Object.isFrozen(resolveCookieOptions())).toBe(true)
    expect(Object.isFrozen(withoutTls(resolveCookieOptions()))).toBe(true)
  })

  it.each<[CookieOptions, string]>([
    [{ name: 'shop' }, '__Host-shop'],
    [{ domain: 'shop.example' }, '__Secure-sid'],
    [{ path: '/app' }, '__Secure-sid'],
    [{ name: 'shop', domain: 'shop.example' }, '__Secure-shop'],
    [{ name: '__Host-Http-sid' }, '__Host-Http-sid'],
    [{ name: '__Secure-sid' }, '__Secure-sid'],
  ])('CK-03 CK-04 put the right prefix before the name: %j', (options, name) => {
    expect(resolveCookieOptions(options).name).toBe(name)
  })

  it('take a domain in any case', () => {
    expect(resolveCookieOptions({ domain: 'Shop.Example' }).domain).toBe('shop.example')
  })

  it.each<[CookieOptions]>([
    [{ name: '__Host-sid', domain: 'shop.example' }],
    [{ name: '__Host-sid', path: '/app' }],
    [{ name: '__Host-Http-sid', domain: 'shop.example' }],
  ])('CK-03 refuse a __Host- name with a domain or a path: %j', (options) => {
    expect(() => resolveCookieOptions(options)).toThrow(refusal('prefix'))
  })

  it.each([
    ['cookie.nam', { nam: 'sid' }],
    ['cookie.secure', { secure: false }],
    ['cookie.httpOnly', { httpOnly: false }],
    ['cookie.maxAge', { maxAge: 1 }],
    ['cookie.partitioned', { partitioned: true }],
    ['cookie.sameSite', { sameSite: 'Lax' }],
    ['cookie.sameSite', { sameSite: true }],
    ['cookie.name', { name: 7 }],
    ['cookie.name', { name: '' }],
    ['cookie.domain', { domain: ['shop.example'] }],
    ['cookie.domain', { domain: '' }],
    ['domain', { domain: '.shop.example' }],
    ['domain', { domain: 'shop.example:443' }],
    ['domain', { domain: '192.0.2.1' }],
    ['name', { name: 'a b' }],
    ['path', { path: 'app' }],
    ['path', { path: '/a;b' }],
  ])('refuse what cannot work, naming %s: %j', (path, options) => {
    expect(() => resolveCookieOptions(options as unknown as CookieOptions)).toThrow(refusal(path))
  })

  it('CK-05 P11 take SameSite=None only under its unsafe name, and not beside another value', () => {
    expect(resolveCookieOptions({ unsafeSameSiteNone: true })).toMatchObject({
      sameSite: 'none',
      secure: true,
    })
    const none = { sameSite: 'none' } as unknown as CookieOptions
    expect(() => resolveCookieOptions(none)).toThrow(refusal('unsafeSameSiteNone'))
    expect(() => resolveCookieOptions({ sameSite: 'lax', unsafeSameSiteNone: true })).toThrow(
      refusal('unsafeSameSiteNone'),
    )
  })

  it('CK-16 refuse a persistent lifetime that browsers would cut short', () => {
    const day = 24 * 3_600_000
    expect(() => assertPersistable(401 * day, 'lifetimes.remembered.absolute')).toThrow(
      refusal('lifetimes.remembered.absolute'),
    )
    assertPersistable(400 * day, 'lifetimes.remembered.absolute')
  })
})

describe('the cookie without TLS', () => {
  it.each<[CookieOptions, string]>([
    [{}, 'sid'],
    [{ name: '__Host-Http-shop' }, 'shop'],
    [{ name: 'shop', domain: 'shop.example' }, 'shop'],
    [{ unsafeSameSiteNone: true }, 'sid'],
  ])('has another name and is one that browsers keep over HTTP: %j', (options, name) => {
    const plain = withoutTls(resolveCookieOptions(options))
    expect(plain).toMatchObject({ name, secure: false, sameSite: 'lax', httpOnly: true })
    expect(serializeCookie(plain, 'abc', null)).not.toContain('Secure')
  })
})

describe('a configured domain', () => {
  const cookie = resolveCookieOptions({ domain: 'shop.example' })

  it.each(['shop.example', 'a.b.shop.example:8443', 'SHOP.example'])('reaches %s', (host) => {
    expect(droppedByBrowser(cookie, host)).toBeNull()
  })

  it.each([
    'evilshop.example',
    'example',
    'shop.example.evil.tld',
    '192.0.2.1',
    '[::1]:80',
    'localhost',
    undefined,
  ])('is explained where browsers would drop the cookie silently: %s', (host) => {
    expect(droppedByBrowser(cookie, host)).toContain('shop.example')
  })

  it('is no matter for a cookie of one host', () => {
    expect(droppedByBrowser(resolveCookieOptions(), 'anything.example')).toBeNull()
  })
})

describe('places of foreign cookies', () => {
  it('CK-11 there are none for a __Host- cookie', () => {
    expect(foreignPlaces(resolveCookieOptions(), 'a.shop.example', '/x/y')).toEqual([])
  })

  it('CK-11 CK-13 are every domain and path that could have sent one, ours excepted', () => {
    const cookie = resolveCookieOptions({ domain: 'shop.example' })
    const places = foreignPlaces(cookie, 'a.shop.example:8443', '/x/y').map(
      ({ domain, path }) => `${domain}${path}`,
    )
    const paths = ['/', '/x', '/x/', '/x/y']
    const all = ['null', 'a.shop.example', 'shop.example'].flatMap((domain) =>
      paths.map((path) => domain + path),
    )
    expect(new Set(places)).toEqual(new Set(all.filter((place) => place !== 'shop.example/')))
  })

  it('can all be deleted, and are bounded for a request made to have many', () => {
    const cookie = resolveCookieOptions({ domain: 'shop.example' })
    const places = foreignPlaces(cookie, `${'a.'.repeat(60)}shop.example`, '/a'.repeat(500))
    expect(places.length).toBeLessThan(50)
    for (const place of places) expect(serializeDeletion(place)).toMatch(/^__Secure-sid=; Max-Age=0;/)
  })

  it('leave out paths that cannot be written into a cookie', () => {
    const cookie = resolveCookieOptions({ path: '/app' })
    const places = foreignPlaces(cookie, 'shop.example', '/a;b/c')
    expect(places.map(({ path }) => path)).not.toContain('/a;b')
    expect(places.length).toBeGreaterThan(0)
  })
})
