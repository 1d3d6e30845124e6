import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { returnTarget } from '../../src/pages/return-to.ts'

const SETTINGS = {
  publicUrl: new URL('https://accounts.example'),
  hosts: ['https://app.example', 'https://other.example:8443'],
}
const ALLOWED = ['https://accounts.example', ...SETTINGS.hosts]

describe('the target to return to', () => {
  it('LIO-10 is at one of the origins, however it was made up', () => {
    const parts = [
      '/',
      '\\',
      '//',
      '.',
      '..',
      '@',
      ':',
      '?',
      '#',
      '%2f',
      '%5c',
      '%09',
      '%00',
      '\t',
      '\n',
      '\r',
      ' ',
      'evil.example',
    ]
    const start = fc.constantFrom('', 'https:', 'http://', 'javascript:', 'https://evil.example', ...ALLOWED)
    const rest = fc.array(fc.oneof(fc.constantFrom(...parts), fc.string({ unit: 'binary', maxLength: 3 })), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(start, rest, (origin, more) => {
        const target = returnTarget(origin + more.join(''), SETTINGS, '/account')
        expect(target).toMatch(/^[!-~]+$/)
        for (const base of ALLOWED) expect(ALLOWED).toContain(new URL(target, base).origin)
        expect(target.replace(/^https:\/\/[^/]*/, '')).toMatch(/^(?:$|\/(?![/\\]))/)
      }),
      { numRuns: 5_000 },
    )
  })

  it('is the text that was given where it is allowed', () => {
    for (const target of ['/', '/a?b=c#d', 'https://app.example/x', 'https://other.example:8443/']) {
      expect(returnTarget(target, SETTINGS, '/account')).toBe(target)
    }
    for (const target of [null, undefined, '', 'https://other.example/', 'https://app.example:443/']) {
      expect(returnTarget(target, SETTINGS, '/account')).toBe('/account')
    }
  })
})
