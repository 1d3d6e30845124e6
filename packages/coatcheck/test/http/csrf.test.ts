import { describe, expect, it, vi } from 'vitest'
import { CSRF_DEFAULTS, type CsrfOptions, checkCsrf, resolveCsrfOptions } from '../../src/http/csrf.ts'
import { type FakeRequest, fakeExchange } from './fake-exchange.ts'

const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' }
const CROSS_SITE = { 'sec-fetch-site': 'cross-site' }
const verify = (token: string) => token === 'token-of-this-session'

describe('the CSRF check', () => {
  it('CSRF-01 is on by default for every unsafe method that a cookie authenticates', () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const request = { method, headers: CROSS_SITE }
      expect(check({}, request)).toEqual({ verdict: 'refuse', reason: 'cross-site', varies: true })
    }
    expect(CSRF_DEFAULTS).toMatchObject({ mode: 'origin', unsafeDisabled: false, unsafeReportOnly: false })
  })

  it('CSRF-06 says that headers decided, so that the response can vary by them, and only then', () => {
    expect(check({}, { headers: SAME_ORIGIN })).toEqual({
      verdict: 'pass',
      reason: 'same-origin',
      varies: true,
    })
    expect(check({}, { method: 'GET', headers: CROSS_SITE })).toEqual({
      verdict: 'pass',
      reason: 'safe-method',
      varies: false,
    })
  })

  it.each([
    ['bearer' as const, CROSS_SITE, 'pass', 'not-by-cookie'],
    ['bearer' as const, {}, 'pass', 'not-by-cookie'],
    [null, CROSS_SITE, 'pass', 'not-by-cookie'],
    ['cookie' as const, CROSS_SITE, 'refuse', 'cross-site'],
    ['cookie' as const, {}, 'refuse', 'no-evidence'],
  ])(
    'CSRF-12 asks by what the request is authenticated: %s with %j is %s',
    (by, headers, verdict, reason) => {
      const exchange = fakeExchange({ method: 'POST', headers: { ...headers, cookie: '__Host-sid=x' } })
      expect(checkCsrf(exchange, resolveCsrfOptions(), by, verify)).toMatchObject({ verdict, reason })
    },
  )

  it('CSRF-11 reports and lets pass in report-only mode', () => {
    expect(check({ unsafeReportOnly: true }, { headers: CROSS_SITE })).toEqual({
      verdict: 'report',
      reason: 'cross-site',
      varies: true,
    })
    expect(check({ unsafeReportOnly: true, mode: 'token' }, { headers: SAME_ORIGIN })).toMatchObject({
      verdict: 'report',
      reason: 'missing-token',
    })
    expect(check({ unsafeReportOnly: true }, { headers: SAME_ORIGIN })).toMatchObject({ verdict: 'pass' })
  })

  it('P11 checks nothing once it is disabled', () => {
    expect(check({ unsafeDisabled: true }, { headers: CROSS_SITE })).toEqual({
      verdict: 'pass',
      reason: 'disabled',
      varies: false,
    })
  })
})

describe('the CSRF token', () => {
  const token = { mode: 'token' } as const

  it('CSRF-02 is demanded besides the origin in mode token', () => {
    const valid = { 'x-csrf-token': 'token-of-this-session' }
    expect(check(token, { headers: { ...SAME_ORIGIN, ...valid } })).toMatchObject({ reason: 'valid-token' })
    expect(check(token, { headers: SAME_ORIGIN })).toMatchObject({
      verdict: 'refuse',
      reason: 'missing-token',
    })
    expect(check(token, { headers: { ...SAME_ORIGIN, 'x-csrf-token': '' } })).toMatchObject({
      reason: 'missing-token',
    })
    expect(check(token, { headers: { ...SAME_ORIGIN, 'x-csrf-token': 'token-of-another' } })).toMatchObject({
      verdict: 'refuse',
      reason: 'invalid-token',
    })
    expect(check(token, { headers: { ...CROSS_SITE, ...valid } })).toMatchObject({
      verdict: 'refuse',
      reason: 'cross-site',
    })
  })

  it('CSRF-02 CSRF-05 is taken from the configured header, or from the form that the framework has read', () => {
    const options = { ...token, header: 'X-XSRF-Token' }
    const headers = { ...SAME_ORIGIN, 'x-xsrf-token': 'token-of-this-session' }
    expect(check(options, { headers })).toMatchObject({ verdict: 'pass' })
    expect(check(token, { headers })).toMatchObject({ reason: 'missing-token' })
    expect(check(token, { headers: SAME_ORIGIN }, 'token-of-this-session')).toMatchObject({ verdict: 'pass' })
    expect(check(token, { headers: SAME_ORIGIN }, 'token-of-another')).toMatchObject({
      reason: 'invalid-token',
    })
  })

  it('CSRF-05 TRN-03 is never taken from cookie or URL', () => {
    const request = {
      url: '/?x-csrf-token=token-of-this-session&_csrf=token-of-this-session',
      headers: { ...SAME_ORIGIN, cookie: 'x-csrf-token=token-of-this-session; _csrf=token-of-this-session' },
    }
    expect(check(token, request)).toMatchObject({ verdict: 'refuse', reason: 'missing-token' })
  })

  it('is no matter in mode origin', () => {
    const spy = vi.fn(() => false)
    const exchange = fakeExchange({ method: 'POST', headers: { ...SAME_ORIGIN, 'x-csrf-token': 'x' } })
    expect(checkCsrf(exchange, resolveCsrfOptions(), 'cookie', spy)).toMatchObject({ verdict: 'pass' })
    expect(spy).not.toHaveBeenCalled()
  })
})

describe('exemptions from the CSRF check', () => {
  const options: CsrfOptions = { unsafeExempt: ['/callback', '/saml/*'] }

  it.each([
    '/callback',
    '/callback?code=1',
    '/saml/acs',
    '/saml/a/b',
    '/saml/',
    'https://shop.example/callback',
  ])('hold for %s', (url) => {
    expect(check(options, { url, headers: CROSS_SITE })).toEqual({
      verdict: 'pass',
      reason: 'exempt',
      varies: false,
    })
  })

  it.each([
    '/',
    '/callback/',
    '/callbacks',
    '/Callback',
    '/saml',
    '/samlx',
    '/saml/../transfer',
    '/saml/./../transfer',
    '/saml/..',
    '/saml/%2e%2e/transfer',
    '/saml/..%2ftransfer',
    '/saml/..\\transfer',
    '/saml//transfer',
    '/saml/..;/transfer',
    '//saml/acs',
    '/x?/saml/acs',
    '/transfer?x=/callback',
  ])('do not hold for %s', (url) => {
    expect(check(options, { url, headers: CROSS_SITE })).toMatchObject({ verdict: 'refuse' })
  })

  it('may be a function, whose answer must be true itself', () => {
    const exempt = (answer: unknown): CsrfOptions => ({ unsafeExempt: () => answer as boolean })
    expect(check(exempt(true), { headers: CROSS_SITE })).toMatchObject({ reason: 'exempt' })
    for (const answer of [false, undefined, 1, 'yes', Promise.resolve(false)]) {
      expect(check(exempt(answer), { headers: CROSS_SITE })).toMatchObject({ verdict: 'refuse' })
    }
  })
})

describe('CSRF options', () => {
  it.each([
    ['csrf.mod', { mod: 'origin' }],
    ['csrf.mode', { mode: 'double-submit' }],
    ['csrf.mode', { mode: false }],
    ['csrf.header', { header: 'x csrf' }],
    ['csrf.header', { header: '' }],
    ['csrf.origins', { origins: [] }],
    ['csrf.origins', { origins: 'https://shop.example' }],
    ['csrf.origins[1]', { origins: ['https://shop.example', 'shop.example'] }],
    ['csrf.origins[0]', { origins: ['https://shop.example/path'] }],
    ['csrf.origins[0]', { origins: ['*'] }],
    ['csrf.origins[0]', { origins: ['null'] }],
    ['csrf.siblingOrigins[0]', { siblingOrigins: ['https://*.shop.example'] }],
    ['csrf.unsafeCrossSiteOrigins[0]', { unsafeCrossSiteOrigins: [/x/] }],
    ['csrf.unsafeExempt', { unsafeExempt: '/callback' }],
    ['csrf.unsafeExempt[0]', { unsafeExempt: [/callback/] }],
    ['csrf.unsafeExempt[0]', { unsafeExempt: ['/*'] }],
    ['csrf.unsafeExempt[0]', { unsafeExempt: ['callback'] }],
    ['csrf.unsafeExempt[0]', { unsafeExempt: ['/a/*/b'] }],
    ['csrf.unsafeExempt[0]', { unsafeExempt: ['/a/../b'] }],
    ['csrf.unsafeExempt[0]', { unsafeExempt: ['/a?b'] }],
    ['csrf.unsafeReportOnly', { unsafeReportOnly: 'yes' }],
    ['csrf.unsafeDisabled', { unsafeDisabled: 1 }],
    ['csrf.unsafeDisabled', { unsafeDisabled: true, mode: 'token' }],
  ])('that cannot work are refused, naming %s: %j', (path, options) => {
    expect(() => resolveCsrfOptions(options as unknown as CsrfOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringContaining(path) }),
    )
  })

  it('CSRF-08 are compared in one spelling', () => {
    const { origins } = resolveCsrfOptions({
      origins: ['HTTPS://Shop.Example:443', 'http://localhost:3000'],
    }).origin
    expect([...(origins ?? [])]).toEqual(['https://shop.example', 'http://localhost:3000'])
  })

  it('are frozen once resolved', () => {
    expect(Object.isFrozen(resolveCsrfOptions())).toBe(true)
    expect(Object.isFrozen(resolveCsrfOptions().origin)).toBe(true)
  })
})

function check(options: CsrfOptions, request: FakeRequest, field?: string) {
  const exchange = fakeExchange({ method: 'POST', ...request })
  return checkCsrf(exchange, resolveCsrfOptions(options), 'cookie', verify, field)
}
