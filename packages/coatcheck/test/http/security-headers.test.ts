import { describe, expect, it } from 'vitest'
import { clearSiteData } from '../../src/http/clear-site-data.ts'
import {
  type ContentSecurityPolicyOptions,
  contentSecurityPolicy,
  createNonce,
  type SecurityHeadersOptions,
  securityHeaders,
} from '../../src/http/security-headers.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const refusal = (path: string) =>
  expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringContaining(path) })

describe('the content security policy', () => {
  it('HDR-02 HDR-04 forbids plug-ins, base, framing and inline code by default', () => {
    expect(directivesOf(contentSecurityPolicy())).toEqual({
      'default-src': ["'self'"],
      'script-src': ["'self'"],
      'style-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'object-src': ["'none'"],
      'base-uri': ["'none'"],
      'form-action': ["'self'"],
      'frame-ancestors': ["'none'"],
    })
  })

  it('HDR-02 runs scripts that carry the nonce, and no others', () => {
    const nonce = createNonce(new FakeEnvironment())
    const policy = directivesOf(contentSecurityPolicy({ nonce }))
    expect(policy['script-src']).toEqual([`'nonce-${nonce}'`])
    expect(policy['style-src']).toEqual(["'self'", `'nonce-${nonce}'`])
  })

  it('HDR-04 HDR-06 takes directives of the application, framing exceptions and a report target', () => {
    const policy = directivesOf(
      contentSecurityPolicy({
        directives: { 'img-src': ['https://cdn.example'], 'upgrade-insecure-requests': [] },
        frameAncestors: ['https://partner.example'],
        reportTo: 'csp',
      }),
    )
    expect(policy).toMatchObject({
      'img-src': ['https://cdn.example'],
      'upgrade-insecure-requests': [],
      'frame-ancestors': ['https://partner.example'],
      'report-to': ['csp'],
    })
  })

  it.each<[string, unknown]>([
    ['nonce', { nonce: 'short' }],
    ['nonce', { nonce: `${'a'.repeat(22)}'; script-src *` }],
    ['directives.img-src', { directives: { 'img-src': ['a; script-src *'] } }],
    ['directives.img-src', { directives: { 'img-src': ['a,b'] } }],
    ['directives.img-src', { directives: { 'img-src': ['a\r\nb'] } }],
    ['directives.script-src *;', { directives: { 'script-src *;': [] } }],
    ['directives.frame-ancestors', { frameAncestors: ["'self'; x"] }],
    ['contentSecurityPolicy.csp', { csp: 1 }],
  ])('HDR-02 refuses what would end a directive early, naming %s', (path, options) => {
    expect(() => contentSecurityPolicy(options as ContentSecurityPolicyOptions)).toThrow(refusal(path))
  })

  it('HDR-02 has nonces of 128 random bits, another each time', () => {
    const environment = new FakeEnvironment()
    const nonces = Array.from({ length: 100 }, () => createNonce(environment))
    expect(new Set(nonces).size).toBe(100)
    for (const nonce of nonces) expect(nonce).toMatch(/^[\w-]{22}$/)
    expect(createNonce()).not.toBe(createNonce())
  })
})

describe('the security headers', () => {
  it('HDR-01 HDR-03 HDR-04 HDR-05 HDR-06 are all there by default', () => {
    expect(securityHeaders()).toEqual({
      'strict-transport-security': 'max-age=63072000; includeSubDomains',
      'content-security-policy': contentSecurityPolicy(),
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    })
  })

  it('HDR-01 take another HSTS, or none', () => {
    const hsts = (options: SecurityHeadersOptions['hsts']) =>
      securityHeaders(options === undefined ? {} : { hsts: options })['strict-transport-security']
    expect(hsts({ maxAge: '365d', includeSubDomains: false })).toBe('max-age=31536000')
    expect(hsts({ preload: true })).toBe('max-age=63072000; includeSubDomains; preload')
    expect(hsts(false)).toBeUndefined()
  })

  it('HDR-04 leave X-Frame-Options out where the policy lets somebody frame the page', () => {
    const policy = contentSecurityPolicy({ frameAncestors: ['https://partner.example'] })
    const headers = securityHeaders({ contentSecurityPolicy: policy })
    expect(headers['content-security-policy']).toBe(policy)
    expect(headers).not.toHaveProperty('x-frame-options')
  })

  it('are text that cannot break out of its header', () => {
    expect(() => securityHeaders({ referrerPolicy: 'a\r\nSet-Cookie: x=1' })).toThrow(
      refusal('referrerPolicy'),
    )
    expect(() => securityHeaders({ contentSecurityPolicy: 'a\nb' })).toThrow(refusal('contentSecurityPolicy'))
    expect(() => securityHeaders({ hsts: { maxAge: -1 } })).toThrow(refusal('hsts.maxAge'))
    expect(() => securityHeaders({ hst: false } as SecurityHeadersOptions)).toThrow(refusal('hst'))
  })
})

describe('Clear-Site-Data', () => {
  it('LIO-03 clears storage alone by default, so that sibling applications keep their cookies', () => {
    expect(clearSiteData()).toBe('"storage"')
  })

  it('LIO-03 is quoted types, comma-separated, each once', () => {
    expect(clearSiteData(['cache', 'storage', 'cache', 'executionContexts'])).toBe(
      '"cache", "storage", "executionContexts"',
    )
    expect(clearSiteData(['*'])).toBe('"*"')
  })

  it('LIO-03 refuses an empty list and types that do not exist', () => {
    expect(() => clearSiteData([])).toThrow(refusal('storage'))
    expect(() => clearSiteData(['"cookies"' as 'cookies'])).toThrow(refusal('storage'))
  })
})

function directivesOf(policy: string): Record<string, string[]> {
  return Object.fromEntries(
    policy.split('; ').map((directive) => {
      const [name = '', ...values] = directive.split(' ')
      return [name, values]
    }),
  )
}
