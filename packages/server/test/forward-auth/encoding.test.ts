import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { milliseconds, parseAsked } from '../../src/forward-auth/asked.ts'
import {
  claimMistakes,
  encodeText,
  encodeValue,
  identityHeaders,
} from '../../src/forward-auth/identity-headers.ts'
import { hostMistakes, ProtectedHosts } from '../../src/forward-auth/protected-hosts.ts'

/** What can stand in a header, and be read in one way alone. */
const VALUE = /^[\x21-\x7e]?(?:[\x20-\x7e]*[\x21-\x7e])?$/

describe('values of headers', () => {
  it('are plain, and can be read back, whatever the text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const value = encodeText(text)
        expect(value).toMatch(VALUE)
        expect(value).not.toMatch(/[,"\\;\r\n]/)
        expect(decodeURIComponent(value)).toBe(text.toWellFormed())
      }),
      { numRuns: 2_000 },
    )
  })

  it('are the items of a list, separated by commas', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', minLength: 1 }), { minLength: 1 }), (items) => {
        const value = encodeValue(items)
        expect(value).toMatch(VALUE)
        expect(value.split(',').map(decodeURIComponent)).toEqual(items.map((item) => item.toWellFormed()))
      }),
    )
  })

  it('leave names, addresses and numbers as they are', () => {
    for (const text of ['ada@example.com', 'Ada Lovelace', 'urn:x:1/2?a=b', "O'Neil (Jr.)", '-3.5', 'true']) {
      expect(encodeText(text)).toBe(text)
    }
    expect([' a', 'a ', 'a  b', '\ta', 'a\u00a0b', '100%'].map(encodeText)).toEqual([
      '%20a',
      'a%20',
      'a%20 b',
      '%09a',
      'a%C2%A0b',
      '100%25',
    ])
  })

  it('never come from what an object inherits', () => {
    const headers = [{ claim: 'toString', header: 'X-Auth-ToString' }]
    expect(identityHeaders({ userId: 'ada', sessionId: 's' }, {}, headers)).toEqual([
      'X-Auth-User',
      'ada',
      'X-Auth-Session',
      's',
      'X-Auth-ToString',
      '',
    ])
  })
})

describe('settings of forward-auth', () => {
  it('refuse claims that would take the place of headers or claims of ours', () => {
    expect(claimMistakes(['email', 'given_name', 'roles'])).toEqual([])
    for (const claim of [
      'user',
      'User',
      'session',
      'token',
      'error',
      'location',
      'sub',
      'scope',
      'aud',
      '1st',
      'a b',
      'é',
    ]) {
      expect([claim, claimMistakes([claim]).length]).toEqual([claim, 1])
    }
    expect(claimMistakes(['given_name', 'given-name'])).toHaveLength(1)
  })

  it('refuse hosts that no cookie and no hand-off reaches', () => {
    const mistakes = (publicUrl: string, hosts: string[], cookieDomain: string | null = null) =>
      hostMistakes({ publicUrl: new URL(publicUrl), hosts, cookieDomain })
    expect(mistakes('https://a.example.com', ['https://b.example.com'], 'example.com')).toEqual([])
    expect(mistakes('https://a.example.com', ['https://other.test'], 'example.com')).toHaveLength(1)
    expect(mistakes('https://a.example.com', ['https://evilexample.com'], 'example.com')).toHaveLength(1)
    expect(mistakes('https://a.example.com', ['https://other.test'])).toEqual([])
    expect(mistakes('http://localhost:1', ['http://app.localhost:2', 'http://localhost:3'])).toEqual([])
    expect(mistakes('http://intranet', ['http://intranet:81', 'http://wiki'])).toHaveLength(1)
  })

  it('find hosts by origin alone', () => {
    const hosts = new ProtectedHosts({
      publicUrl: new URL('https://accounts.example'),
      hosts: ['https://app.example', 'https://app.example:8443'],
      cookieDomain: null,
    })
    const find = (host: string, encrypted = true) =>
      hosts.find({ encrypted, host, remoteAddress: null, address: null, proxy: 'trusted' })?.origin ?? null
    expect([find('app.example'), find('APP.EXAMPLE:443'), find('app.example:8443')]).toEqual([
      'https://app.example',
      'https://app.example',
      'https://app.example:8443',
    ])
    for (const host of [
      'app.example.',
      'xapp.example',
      'app.example:80',
      'a@app.example',
      'app.example/x',
      'app.example#',
      '',
      '[::1',
      'null',
    ]) {
      expect([host, find(host)]).toEqual([host, null])
    }
    expect(find('app.example', false)).toBeNull()
  })
})

describe('the query of /forward-auth', () => {
  it('is understood in full or not at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (query) => {
        const asked = parseAsked(query)
        if (asked === null) return
        const names = [...new URLSearchParams(query).keys()]
        expect(names.every((name) => ['fresh', 'level', 'redirect', 'token', 'outage'].includes(name))).toBe(
          true,
        )
      }),
    )
    expect(parseAsked('fresh=5m&level=a,b&redirect=1&token=orders&outage=503')).toEqual({
      fresh: 300_000,
      levels: ['a', 'b'],
      redirect: true,
      audience: 'orders',
      outage: 503,
    })
  })

  it('has ages with a unit', () => {
    expect(['90s', '5m', '12h', '7d'].map(milliseconds)).toEqual([90_000, 300_000, 43_200_000, 604_800_000])
    for (const text of ['', '5', 'm', '-5m', '5 m', '5M', '1e3s', '0s', '99999999d', '５m'])
      expect(milliseconds(text)).toBeNull()
  })
})
