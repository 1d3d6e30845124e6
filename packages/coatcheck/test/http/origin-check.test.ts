import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resolveCsrfOptions } from '../../src/http/csrf.ts'
import type { Connection } from '../../src/http/exchange.ts'
import { checkOrigin, checkSource, type OriginPolicy } from '../../src/http/origin-check.ts'
import { fakeExchange } from './fake-exchange.ts'

type Headers = Readonly<Record<string, string | undefined>>

const OWN = 'https://shop.example'
const SIBLING = 'https://accounts.shop.example'
const PARTNER = 'https://partner.example'
const BY_HOST = resolveCsrfOptions().origin
const DECLARED = resolveCsrfOptions({
  origins: [OWN, 'https://shop.example.org'],
  siblingOrigins: [SIBLING],
  unsafeCrossSiteOrigins: [PARTNER],
}).origin

const SAFE = ['GET', 'HEAD', 'OPTIONS']
const UNSAFE = ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'QUERY', 'get', 'Post', '']
const SITES = ['same-origin', 'none', 'same-site', 'cross-site', 'banana', undefined]

describe('the origin check', () => {
  it.each(SITES)('CSRF-06 lets safe methods pass with Sec-Fetch-Site: %s', (site) => {
    for (const method of SAFE) {
      expect(check(BY_HOST, { 'sec-fetch-site': site, origin: PARTNER }, { method })).toBe('safe-method')
    }
  })

  it.each([
    ['same-origin', 'same-origin'],
    ['none', 'user-navigation'],
    ['same-site', 'refused: same-site'],
    ['cross-site', 'refused: cross-site'],
    ['banana', 'refused: no-evidence'],
    ['Same-Origin', 'refused: no-evidence'],
    ['same-origin, same-origin', 'refused: no-evidence'],
    ['', 'refused: no-evidence'],
    [undefined, 'refused: no-evidence'],
  ])('CSRF-06 judges every unsafe method by Sec-Fetch-Site: %s as %s', (site, expected) => {
    for (const method of UNSAFE) {
      expect(check(BY_HOST, { 'sec-fetch-site': site }, { method })).toBe(expected)
    }
  })

  it('CSRF-06 goes on to Origin where Sec-Fetch-Site is unknown', () => {
    for (const site of ['banana', '', undefined]) {
      expect(check(BY_HOST, { 'sec-fetch-site': site, origin: OWN })).toBe('same-origin')
      expect(check(BY_HOST, { 'sec-fetch-site': site, origin: PARTNER })).toBe('refused: foreign-origin')
    }
  })

  it('CSRF-06 believes a refusing Sec-Fetch-Site whatever Origin and Referer say', () => {
    const own = { origin: OWN, referer: `${OWN}/` }
    expect(check(BY_HOST, { 'sec-fetch-site': 'cross-site', ...own })).toBe('refused: cross-site')
    expect(check(BY_HOST, { 'sec-fetch-site': 'same-site', ...own })).toBe('refused: same-site')
    expect(check(DECLARED, { 'sec-fetch-site': 'cross-site', ...own })).toBe('refused: cross-site')
  })

  it.each([
    ['same-site', SIBLING, 'declared-origin'],
    ['same-site', OWN, 'declared-origin'],
    ['same-site', 'https://shop.example.org', 'declared-origin'],
    ['same-site', 'https://blog.shop.example', 'refused: same-site'],
    ['same-site', 'http://accounts.shop.example', 'refused: same-site'],
    ['same-site', 'null', 'refused: same-site'],
    ['same-site', undefined, 'refused: same-site'],
    ['cross-site', PARTNER, 'declared-origin'],
    ['cross-site', SIBLING, 'refused: cross-site'],
    ['cross-site', 'https://evil.example', 'refused: cross-site'],
    ['cross-site', 'null', 'refused: cross-site'],
    ['cross-site', undefined, 'refused: cross-site'],
    [undefined, SIBLING, 'declared-origin'],
    [undefined, PARTNER, 'declared-origin'],
    [undefined, OWN, 'same-origin'],
    [undefined, 'https://evil.example', 'refused: foreign-origin'],
  ])('CSRF-06 with declared origins, Sec-Fetch-Site: %s and Origin: %s give %s', (site, origin, expected) => {
    expect(check(DECLARED, { 'sec-fetch-site': site, origin })).toBe(expected)
  })

  it.each([
    [{}, 'refused: no-evidence'],
    [{ origin: OWN }, 'same-origin'],
    [{ origin: OWN, referer: 'https://evil.example/' }, 'same-origin'],
    [{ origin: 'null' }, 'refused: opaque-origin'],
    [{ origin: 'null', referer: `${OWN}/` }, 'refused: opaque-origin'],
    [{ origin: '', referer: `${OWN}/` }, 'refused: malformed-origin'],
    [{ origin: `${OWN}, ${OWN}` }, 'refused: malformed-origin'],
    [{ referer: `${OWN}/cart?x=1` }, 'same-origin'],
    [{ referer: OWN }, 'same-origin'],
    [{ referer: 'https://evil.example/https://shop.example/' }, 'refused: foreign-referer'],
    [{ referer: 'https://shop.example@evil.example/' }, 'refused: foreign-referer'],
    [{ referer: '/cart' }, 'refused: foreign-referer'],
    [{ referer: 'about:blank' }, 'refused: foreign-referer'],
    [{ referer: '' }, 'refused: foreign-referer'],
  ])(
    'CSRF-07 without Fetch Metadata compares Origin, then Referer, else refuses: %j is %s',
    (headers, expected) => {
      expect(check(BY_HOST, headers)).toBe(expected)
      expect(check(DECLARED, headers)).toBe(expected)
    },
  )

  it.each([
    ['https://shop.example', 'same-origin'],
    ['https://shop.example:443', 'same-origin'],
    ['HTTPS://SHOP.EXAMPLE', 'same-origin'],
    ['https://shop.example.evil.tld', 'refused: foreign-origin'],
    ['https://evil-shop.example', 'refused: foreign-origin'],
    ['https://www.shop.example', 'refused: foreign-origin'],
    ['https://shop.example.', 'refused: foreign-origin'],
    ['https://shop.example:8443', 'refused: foreign-origin'],
    ['http://shop.example', 'refused: foreign-origin'],
    ['http://shop.example:443', 'refused: foreign-origin'],
    ['capacitor://shop.example', 'refused: foreign-origin'],
    ['https://shop.example@evil', 'refused: malformed-origin'],
    ['https://evil@shop.example', 'refused: malformed-origin'],
    ['https://shop.example/', 'refused: malformed-origin'],
    ['https://shop.example?', 'refused: malformed-origin'],
    ['https://shop.example#', 'refused: malformed-origin'],
    ['https://shop%2eexample', 'refused: malformed-origin'],
    ['https://shop。example', 'refused: malformed-origin'],
    ['https://shop.exam\tple', 'refused: malformed-origin'],
    ['https:\\\\shop.example', 'refused: malformed-origin'],
    ['https:/shop.example', 'refused: malformed-origin'],
    ['//shop.example', 'refused: malformed-origin'],
    ['shop.example', 'refused: malformed-origin'],
    ['*', 'refused: malformed-origin'],
  ])('CSRF-08 compares parsed scheme, host and port exactly: Origin %s is %s', (origin, expected) => {
    expect(check(BY_HOST, { origin })).toBe(expected)
    expect(check(DECLARED, { origin })).toBe(expected)
  })

  it.each([
    ['another port of the request', { host: 'shop.example:8443' }, 'refused: foreign-origin'],
    ['a host in upper case', { host: 'SHOP.example' }, 'same-origin'],
    ['the default port spelled out', { host: 'shop.example:443' }, 'same-origin'],
    ['no TLS', { encrypted: false }, 'refused: foreign-origin'],
    ['a host that is another', { host: 'internal:3000' }, 'refused: foreign-origin'],
    ['no host', { host: undefined }, 'refused: foreign-origin'],
    ['a host that is none', { host: 'evil.example@shop.example' }, 'refused: foreign-origin'],
    ['a host with a path', { host: 'shop.example/x' }, 'refused: foreign-origin'],
  ])(
    'CSRF-08 without configuration takes the target from scheme and host of the connection: %s',
    (_, connection, expected) => {
      expect(check(BY_HOST, { origin: OWN }, { connection })).toBe(expected)
      expect(check(DECLARED, { origin: OWN }, { connection })).toBe('same-origin')
    },
  )

  it('CSRF-08 asks no Host where origins are configured', () => {
    const connection = { host: 'other.example' }
    expect(check(DECLARED, { origin: 'https://other.example' }, { connection })).toBe(
      'refused: foreign-origin',
    )
    expect(check(DECLARED, { referer: 'https://other.example/' }, { connection })).toBe(
      'refused: foreign-referer',
    )
  })

  it('CSRF-08 TRN-05 reads no forwarding header', () => {
    const spoofed = { origin: PARTNER, 'x-forwarded-host': 'partner.example', 'x-forwarded-proto': 'https' }
    expect(check(BY_HOST, spoofed)).toBe('refused: foreign-origin')
    const connection = { proxy: 'untrusted-headers' } as const
    expect(check(BY_HOST, { ...spoofed, origin: OWN }, { connection })).toBe('same-origin')
  })

  it.each([
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/json' },
    { 'content-type': undefined, 'content-length': '0' },
    { 'x-requested-with': 'XMLHttpRequest' },
    { 'x-csrf-token': 'anything' },
    { cookie: '__Host-sid=x' },
  ])('CSRF-09 takes nothing else as evidence: %j', (headers) => {
    expect(check(BY_HOST, headers)).toBe('refused: no-evidence')
  })

  it('CSRF-08 refuses every origin but the one, however close', () => {
    const parts = fc.constantFrom(
      'https',
      'http',
      ':',
      '//',
      '/',
      '\\',
      '@',
      '.',
      'shop',
      'example',
      'evil',
      ':443',
      '?',
      '#',
      '%2e',
      ' ',
      'null',
      'S',
    )
    const close = fc.array(parts, { maxLength: 10 }).map((list) => list.join(''))
    fc.assert(
      fc.property(fc.oneof(close, fc.webUrl(), fc.string()), (origin) => {
        fc.pre(!/^https:\/\/shop\.example(?::443|:)?$/i.test(origin))
        expect(check(BY_HOST, { origin })).toMatch(/^refused: (?:foreign|malformed|opaque)-origin$/)
      }),
      { numRuns: 3_000 },
    )
  })

  it('LIO-05 TRN-08 judges a login or a WebSocket opening whatever its method', () => {
    const foreign = fakeExchange({ method: 'GET', headers: { origin: PARTNER } })
    expect(checkSource(foreign, BY_HOST)).toEqual({ verdict: 'refuse', reason: 'foreign-origin' })
    const bare = fakeExchange({ method: 'GET' })
    expect(checkSource(bare, BY_HOST)).toEqual({ verdict: 'refuse', reason: 'no-evidence' })
    const own = fakeExchange({ method: 'GET', headers: { origin: OWN } })
    expect(checkSource(own, BY_HOST)).toEqual({ verdict: 'pass', reason: 'same-origin' })
  })
})

function check(
  policy: OriginPolicy,
  headers: Headers,
  request: { method?: string; connection?: Partial<Connection> } = {},
): string {
  const verdict = checkOrigin(fakeExchange({ method: 'POST', ...request, headers }), policy)
  return verdict.verdict === 'pass' ? verdict.reason : `refused: ${verdict.reason}`
}
