import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { safeRedirectPath } from '../../src/http/redirects.ts'

describe('a return-to target', () => {
  it.each([
    '/',
    '/orders',
    '/orders/7?tab=items&x=%0A#total',
    '/a//b',
    '/my%20orders',
    '/a/../b',
    '/search?q=//evil.example',
    '/login?next=https://evil.example/',
    '/@user',
    '/:x',
    '/a.b/c;v=1',
  ])('LIO-10 is kept where it is a path on this origin: %s', (target) => {
    expect(safeRedirectPath(target, '/home')).toBe(target)
  })

  it.each([
    '//evil',
    '//evil.example/path',
    '///evil',
    '//base.invalid/path',
    '/\\evil',
    '\\\\evil',
    '\\/evil',
    '/a\\..\\evil',
    'https:evil',
    'https:/evil',
    'https://evil',
    'HTTPS://evil',
    'javascript:alert(1)',
    'data:text/html,x',
    'evil.example',
    '@evil',
    'https://shop.example@evil',
    '/%09/evil',
    '/%0a/evil',
    '/%0d%0aSet-Cookie:x=1',
    '/%5cevil',
    '/%5Cevil',
    '/%2fevil',
    '/%2Fevil',
    '/%00',
    '/%7f',
    '/\t/evil',
    '/\n/evil',
    '/\r\nLocation: https://evil',
    ' /evil',
    '/ /evil',
    '/\u0000/evil',
    '/.//evil',
    '/..//evil',
    '/a/..//evil',
    '/%2e%2e//evil',
    '/./\\evil',
    '/\u2215evil',
    '/é',
    '\uff0f\uff0fevil',
    '',
    '.',
    '..',
    '?x',
    '#x',
    `/${'a'.repeat(2_048)}`,
  ])('LIO-10 gives way to the fallback: %j', (target) => {
    expect(safeRedirectPath(target, '/home')).toBe('/home')
  })

  it.each([undefined, null, 7, ['/orders'], { toString: () => '/orders' }])(
    'LIO-10 that is no text gives way to the fallback: %j',
    (target) => {
      expect(safeRedirectPath(target)).toBe('/')
    },
  )

  it('refuses a fallback that is no path itself', () => {
    expect(() => safeRedirectPath('/ok', 'https://evil.example')).toThrow(
      expect.objectContaining({ code: 'ERR_USAGE' }),
    )
  })

  it('LIO-10 stays on this origin, whoever resolves it, from wherever, as written or normalised', () => {
    const part = fc.constantFrom(
      ...[
        '/',
        '//',
        '\\',
        '.',
        '..',
        ':',
        '@',
        '?',
        '#',
        ';',
        '%09',
        '%0a',
        '%2f',
        '%5c',
        '%2e',
        '\t',
        '\n',
        ' ',
      ],
      ...['evil.example', 'https:', 'http:', 'javascript:', 'a', '\u0000', 'é', '\u3002'],
    )
    const targets = fc.oneof(
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
      fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join('')}`),
      fc.string({ unit: 'binary' }),
    )
    let kept = 0
    fc.assert(
      fc.property(targets, (target) => {
        const path = safeRedirectPath(target, '/fallback')
        if (path !== '/fallback') kept++
        for (const base of [
          'https://shop.example/',
          'https://shop.example/deep/er/?x',
          'http://[::1]:3000/',
        ]) {
          const url = new URL(path, base)
          expect(url.origin).toBe(new URL(base).origin)
          // A proxy or framework that normalises and resolves again ends up here too.
          expect(new URL(url.pathname, base).origin).toBe(url.origin)
          expect(new URL(decoded(url.pathname), base).origin).toBe(url.origin)
        }
        expect(path).toMatch(/^\/[!-~]*$/)
      }),
      { numRuns: 5_000 },
    )
    expect(kept).toBeGreaterThan(100)
  })
})

function decoded(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}
