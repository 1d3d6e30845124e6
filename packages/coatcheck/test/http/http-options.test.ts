import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CLIENT_CONTEXT_DEFAULTS } from '../../src/http/client-context.ts'
import { COOKIE_DEFAULTS } from '../../src/http/cookie-options.ts'
import { CSRF_DEFAULTS } from '../../src/http/csrf.ts'
import { HTTP_DEFAULTS, resolveHttpOptions, type SessionsOptions } from '../../src/http/http-options.ts'
import { createSessions } from '../../src/index.ts'
import { memory } from '../../src/stores/memory.ts'

describe('the defaults of HTTP', () => {
  it('P11 EXP-09 are those of the design', () => {
    expect(HTTP_DEFAULTS).toEqual({ transports: ['cookie'], expiresHeader: false, unsafeAllowHttp: false })
    expect(COOKIE_DEFAULTS).toEqual({ name: 'sid', path: '/', sameSite: 'lax', unsafeSameSiteNone: false })
    expect(CSRF_DEFAULTS).toEqual({
      mode: 'origin',
      header: 'x-csrf-token',
      siblingOrigins: [],
      unsafeCrossSiteOrigins: [],
      unsafeExempt: [],
      unsafeReportOnly: false,
      unsafeDisabled: false,
    })
    expect(CLIENT_CONTEXT_DEFAULTS).toEqual({ address: 'network', userAgent: 'text' })
    expect(resolve()).toMatchObject({
      transports: ['cookie'],
      csrf: { mode: 'origin', reportOnly: false },
      policy: null,
      unsafeAllowHttp: false,
      unsafe: [],
      cookie: {
        name: '__Host-sid',
        domain: null,
        path: '/',
        secure: true,
        httpOnly: true,
        sameSite: 'lax',
        partitioned: false,
      },
    })
  })

  it('P11 have a name that says so for everything that weakens, and it is off', () => {
    const all = { ...HTTP_DEFAULTS, ...COOKIE_DEFAULTS, ...CSRF_DEFAULTS }
    for (const [name, value] of Object.entries(all)) {
      if (name.startsWith('unsafe'))
        expect([name, Array.isArray(value) ? value.length > 0 : value]).toEqual([name, false])
    }
  })

  it('are frozen, as what is resolved is', () => {
    const settings = resolve()
    expect(
      [HTTP_DEFAULTS, settings, settings.transports, settings.csrf, settings.cookie, settings.unsafe].every(
        Object.isFrozen,
      ),
    ).toBe(true)
  })

  it('are all the options that the interface has, so that a new one cannot be forgotten', () => {
    const source = readFileSync(join(import.meta.dirname, '../../src/http/http-options.ts'), 'utf8')
    const [, body = ''] = /export interface HttpOptions \{(.*?)\n\}/s.exec(source) ?? []
    const declared = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1] ?? '')
    expect(declared.length).toBeGreaterThan(4)
    for (const name of declared) {
      const wrong = () => resolve({ [name]: Symbol('wrong') as never })
      // It is known: whatever is wrong with the value, it is not the name.
      expect(messageOf(wrong)).not.toContain('does not exist')
    }
  })
})

describe('resolveHttpOptions', () => {
  it('takes transports once each, in their order', () => {
    expect(resolve({ transports: ['bearer', 'cookie', 'bearer'] }).transports).toEqual(['bearer', 'cookie'])
  })

  it.each([
    ['transports', []],
    ['transports', ['cookies']],
    ['transports', 'cookie'],
    ['policy', { skip: true }],
    ['unsafeAllowHttp', 'true'],
    ['unsafeAllowHttp', 1],
    ['cookie', { sameSite: 'none' }],
    ['cookie', { secure: false }],
    ['csrf', { origin: ['https://shop.example'] }],
    ['csrf', { unsafeReportOnly: 'yes' }],
    ['device', { address: 'ip' }],
    ['sesionTimeout', '30m'],
    ['cookieName', 'sid'],
  ])('refuses a wrong %s (%j) at construction, by its path', (name, value) => {
    const construct = () => resolve({ [name]: value } as Partial<SessionsOptions>)
    expect(construct).toThrow(expect.objectContaining({ name: 'ConfigError', code: 'ERR_OPTION' }))
    expect(construct).toThrow(`Option ${name}`)
  })

  it('P11 lists what weakens something, each with what it costs', () => {
    const { unsafe } = resolve({
      unsafeAllowHttp: true,
      onReuse: 'report',
      cookie: { unsafeSameSiteNone: true },
      csrf: {
        unsafeReportOnly: true,
        unsafeExempt: ['/callback'],
        unsafeCrossSiteOrigins: ['https://partner.example'],
      },
    })
    expect(unsafe.map(({ option }) => option)).toEqual([
      'unsafeAllowHttp',
      'cookie.unsafeSameSiteNone',
      'csrf.unsafeReportOnly',
      'csrf.unsafeExempt',
      'csrf.unsafeCrossSiteOrigins',
      'onReuse',
    ])
    expect(unsafe.every(({ consequence }) => consequence.length > 20)).toBe(true)
    const exempt = resolve({ csrf: { unsafeExempt: () => false } })
    expect(exempt.unsafe).toMatchObject([{ option: 'csrf.unsafeExempt' }])
    expect(resolve({ csrf: { unsafeDisabled: true } }).unsafe).toMatchObject([
      { option: 'csrf.unsafeDisabled' },
    ])
  })

  it('P11 lists nothing that is spelled out and off', () => {
    const { unsafe } = resolve({
      unsafeAllowHttp: false,
      onReuse: 'end',
      cookie: { unsafeSameSiteNone: false },
      csrf: { unsafeReportOnly: false, unsafeExempt: [], unsafeCrossSiteOrigins: [] },
    })
    expect(unsafe).toEqual([])
  })
})

describe('createSessions', () => {
  it.each(['anonymous', 'remembered'] as const)(
    'CK-16 refuses a lifetime of %s sessions that browsers would cut short',
    (kind) => {
      const construct = (absolute: '400d' | '401d') =>
        createSessions({ store: memory(), lifetimes: { [kind]: { absolute } } })
      expect(() => construct('401d')).toThrow(`lifetimes.${kind}.absolute`)
      expect(() => construct('400d')).not.toThrow()
    },
  )

  it('opens nothing by itself', () => {
    const store = memory()
    const sessions = createSessions({ store })
    expect(sessions.http.cookie.name).toBe('__Host-sid')
    expect(() => store.find('x' as never)).toThrow('not open')
  })
})

function resolve(options: Partial<SessionsOptions> = {}) {
  return resolveHttpOptions({ store: memory(), ...options })
}

function messageOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
