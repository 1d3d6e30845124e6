import { describe, expect, it } from 'vitest'
import { AccessError } from '../../src/core/errors.ts'
import { StepUpError } from '../../src/http/problem.ts'
import { safeRedirectPath } from '../../src/http/redirects.ts'
import { resolveUserGuard } from '../../src/http/user-guard.ts'

const missing = new AccessError('ERR_UNAUTHENTICATED', 'x')
const stale = new StepUpError({ maxAge: 1, level: null })
const visitor = { userId: null, assertFresh: () => raise(missing) }
const user = { userId: 'ann', assertFresh: () => {} }
const tired = { userId: 'ann', assertFresh: () => raise(stale) }

function raise(error: Error): never {
  throw error
}

function request(
  url = '/account',
  { method = 'GET', headers = { 'sec-fetch-mode': 'navigate' } as Record<string, string> } = {},
) {
  return { method, url, header: (name: string) => headers[name] }
}

describe('a guard for users', () => {
  it('lets users pass', () => {
    expect(resolveUserGuard()(user, request())).toBe(null)
  })

  it('asks for the age and level that were given', () => {
    const asked: unknown[] = []
    const session = { userId: 'ann', assertFresh: (...args: unknown[]) => void asked.push(args) }
    resolveUserGuard({ fresh: '5m', level: 'aal2' })(session, request())
    resolveUserGuard()(session, request())
    expect(asked).toEqual([
      [300_000, { level: 'aal2' }],
      [expect.any(Number), {}],
    ])
  })

  it('refuses others with the error that says why', () => {
    expect(resolveUserGuard()(visitor, request())).toEqual({ kind: 'refuse', error: missing })
    expect(resolveUserGuard({ fresh: 1 })(tired, request())).toEqual({ kind: 'refuse', error: stale })
  })

  it('sends a visitor to one page, and a user whose proof is old to another or none', () => {
    const guard = resolveUserGuard({ onMissing: '/login', onStale: '/confirm' })
    expect(guard(visitor, request())).toEqual({ kind: 'redirect', location: '/login?return=%2Faccount' })
    expect(guard(tired, request())).toEqual({ kind: 'redirect', location: '/confirm?return=%2Faccount' })
    expect(resolveUserGuard({ onMissing: '/login' })(tired, request())).toEqual({
      kind: 'refuse',
      error: stale,
    })
  })

  it.each([
    ['GET', { 'sec-fetch-mode': 'navigate' }, true],
    ['HEAD', { 'sec-fetch-mode': 'navigate' }, true],
    ['GET', { accept: 'text/html,application/xhtml+xml' }, true],
    ['GET', { 'sec-fetch-mode': 'cors', accept: 'text/html' }, false],
    ['GET', { accept: '*/*' }, false],
    ['GET', {}, false],
    ['POST', { 'sec-fetch-mode': 'navigate' }, false],
    ['DELETE', { accept: 'text/html' }, false],
  ])('redirects navigations only: %s with %o', (method, headers, redirects) => {
    const verdict = resolveUserGuard({ onMissing: '/login' })(
      visitor,
      request('/account', { method, headers }),
    )
    expect(verdict?.kind).toBe(redirects ? 'redirect' : 'refuse')
  })

  it.each([
    ['/account?tab=a&b=%20c#d', '/login?return=%2Faccount%3Ftab%3Da%26b%3D%2520c%23d'],
    ['//evil.example/', '/login'],
    ['/\\evil.example', '/login'],
    ['http://evil.example/account', '/login'],
    ['/.//evil.example', '/login'],
    [`/${'a'.repeat(3_000)}`, '/login'],
  ])('LIO-10 returns to %s by %s', (url, location) => {
    expect(resolveUserGuard({ onMissing: '/login' })(visitor, request(url))).toEqual({
      kind: 'redirect',
      location,
    })
  })

  it('LIO-10 gives a target that safeRedirectPath takes back as it was', () => {
    const url = '/search?q=a%26b&next=//x'
    const verdict = resolveUserGuard({ onMissing: '/login' })(visitor, request(url))
    const location = verdict?.kind === 'redirect' ? verdict.location : ''
    expect(safeRedirectPath(new URL(location, 'https://shop.example').searchParams.get('return'))).toBe(url)
  })

  it('TRN-03 never repeats a token of the URL', () => {
    const token = `E${'a'.repeat(67)}`
    expect(resolveUserGuard({ onMissing: '/login' })(visitor, request(`/a?sid=${token}`))).toEqual({
      kind: 'redirect',
      location: '/login',
    })
  })

  it('keeps query and fragment of the page, under the name that was chosen', () => {
    const guard = resolveUserGuard({ onMissing: '/login?as=guest#form', returnParameter: 'next' })
    expect(guard(visitor, request())).toEqual({
      kind: 'redirect',
      location: '/login?as=guest&next=%2Faccount#form',
    })
  })

  it.each(['https://evil.example', '//evil.example', 'login', '', '/\\evil'])(
    'refuses the page %o',
    (onMissing) => {
      expect(() => resolveUserGuard({ onMissing })).toThrow('Option requireUser.onMissing must be a path')
    },
  )

  it('refuses what it does not know, and durations that cannot be', () => {
    expect(() => resolveUserGuard({ onMising: '/login' } as never)).toThrow(
      'requireUser.onMising does not exist',
    )
    expect(() => resolveUserGuard({ fresh: '5 min' as never })).toThrow('Option requireUser.fresh')
  })
})
