import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyRing } from '../../src/core/key-ring.ts'
import { issueToken, newSecret, newSessionId } from '../../src/core/token.ts'
import { hasTokenForm, hasTokenInUrl } from '../../src/core/token-forms.ts'
import { type Credentials, findCredentials, MAX_COOKIE_HEADER } from '../../src/http/credentials.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { type FakeRequest, fakeExchange } from './fake-exchange.ts'

const environment = new FakeEnvironment()
const GOOD = issue(0)
const EVIL = issue(15)
const BOTH = { cookieName: '__Host-sid', bearer: true, dpop: false }

const cookies = (...tokens: string[]) => tokens.map((token) => `__Host-sid=${token}`).join('; ')

describe('the credentials of a request', () => {
  it('are none where nothing of ours is there', () => {
    expect(find({ headers: { cookie: 'theme=dark' } })).toEqual({
      outcome: 'none',
      strays: 0,
      tokenInUrl: false,
    })
  })

  it('are the token in the cookie', () => {
    expect(find({ headers: { cookie: `a=1; ${cookies(GOOD)}` } })).toEqual(presented('cookie', [GOOD]))
  })

  it.each(['Bearer', 'bearer', 'BEARER', 'Bearer  '])(
    'are the token in Authorization, scheme written %s',
    (scheme) => {
      expect(find({ headers: { authorization: `${scheme} ${GOOD}` } })).toEqual(presented('bearer', [GOOD]))
    },
  )

  it.each(['DPoP', 'dpop', 'DPOP  '])('DPOP-05 say that the token came under the scheme %s', (scheme) => {
    const request = { headers: { authorization: `${scheme} ${GOOD}` } }
    expect(find(request, { ...BOTH, dpop: true })).toEqual({ ...presented('bearer', [GOOD]), dpop: true })
    expect(find(request)).toMatchObject({ outcome: 'none' })
  })

  it('DPOP-05 TRN-04 are refused where the token came under both schemes', () => {
    const authorization = [`DPoP ${GOOD}`, `Bearer ${GOOD}`]
    const refused = { outcome: 'refused', reason: 'ambiguous' }
    expect(find({ headers: { authorization } }, { ...BOTH, dpop: true })).toMatchObject(refused)
  })

  it('CK-10 are found when the Cookie header came in several fields', () => {
    expect(find({ headers: { cookie: ['a=1', cookies(GOOD), 'b=2'] } })).toEqual(presented('cookie', [GOOD]))
  })

  it.each([
    ['good first', [GOOD, EVIL]],
    ['evil first', [EVIL, GOOD]],
  ])('CK-11 are all candidates where the name appears twice, %s', (_, tokens) => {
    expect(find({ headers: { cookie: cookies(...tokens) } })).toEqual(presented('cookie', tokens))
  })

  it('CK-11 count equal cookies once and garbage beside them as stray', () => {
    const cookie = `${cookies(GOOD, GOOD)}; __Host-sid=garbage; __Host-sid=`
    expect(find({ headers: { cookie } })).toEqual({ ...presented('cookie', [GOOD]), strays: 2 })
  })

  it('CK-11 are limited to eight candidates', () => {
    const many = Array.from({ length: 30 }, () => issue(0))
    expect(find({ headers: { cookie: cookies(...many) } })).toEqual(presented('cookie', many.slice(0, 8)))
  })

  it('LIO-04 report a cookie of our name that is no token, so that it can be cleared', () => {
    expect(find({ headers: { cookie: '__Host-sid=s%3Aold.signature' } })).toEqual({
      outcome: 'none',
      strays: 1,
      tokenInUrl: false,
    })
  })

  it('TRN-03 are read from the configured transports alone', () => {
    const request = { headers: { cookie: cookies(GOOD), authorization: `Bearer ${EVIL}`, 'x-api-key': EVIL } }
    expect(find(request, { cookieName: '__Host-sid', bearer: false, dpop: false })).toEqual(
      presented('cookie', [GOOD]),
    )
    expect(find(request, { cookieName: null, bearer: true, dpop: false })).toEqual(
      presented('bearer', [EVIL]),
    )
    expect(find({ headers: { 'x-api-key': GOOD, 'session-token': GOOD } })).toMatchObject({ outcome: 'none' })
  })

  it.each([
    'Basic dXNlcjpwYXNz',
    'Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln',
    `DPoP ${'E'.repeat(68)}`,
    'Bearer',
    '',
  ])('leave a foreign Authorization to whom it belongs, beside our cookie too: %s', (authorization) => {
    expect(find({ headers: { authorization } })).toMatchObject({ outcome: 'none' })
    expect(find({ headers: { authorization, cookie: cookies(GOOD) } })).toEqual(presented('cookie', [GOOD]))
  })

  it('leave two foreign Authorization fields to whom they belong', () => {
    expect(find({ headers: { authorization: ['Basic x', 'Bearer jwt'] } })).toMatchObject({ outcome: 'none' })
    const digest = 'Digest username="a", realm="b", nonce="c"'
    expect(find({ headers: { authorization: digest } })).toMatchObject({ outcome: 'none' })
  })

  it.each<[string, FakeRequest['headers']]>([
    ['on two transports', { cookie: cookies(GOOD), authorization: `Bearer ${EVIL}` }],
    ['the same on two transports', { cookie: cookies(GOOD), authorization: `Bearer ${GOOD}` }],
    ['in two Authorization fields', { authorization: [`Bearer ${GOOD}`, `Bearer ${EVIL}`] }],
    ['in one of two Authorization fields', { authorization: ['Basic dTpw', `Bearer ${GOOD}`] }],
    [
      'in Authorization fields that a platform has joined',
      { authorization: `Bearer ${GOOD}, Bearer ${GOOD}` },
    ],
  ])('TRN-04 are refused as ambiguous with tokens of ours %s', (_, headers) => {
    expect(find({ headers: headers ?? {} })).toEqual({
      outcome: 'refused',
      reason: 'ambiguous',
      tokenInUrl: false,
    })
  })

  it('CK-18 are refused where the Cookie header is longer than 16 kB, and found where it is not', () => {
    const padded = (length: number) => `${cookies(GOOD)}; x=`.padEnd(length, 'x')
    expect(find({ headers: { cookie: padded(MAX_COOKIE_HEADER) } })).toEqual(presented('cookie', [GOOD]))
    expect(find({ headers: { cookie: padded(MAX_COOKIE_HEADER + 1) } })).toEqual({
      outcome: 'refused',
      reason: 'oversized',
      tokenInUrl: false,
    })
  })

  it.each([
    `/?sid=${GOOD}`,
    `/?access_token=${GOOD}&x=1`,
    `/cart;jsessionid=${GOOD}`,
    `/s/${GOOD}`,
    `/s/${GOOD}/orders?x`,
    `https://shop.example/?sid=${EVIL}`,
  ])('TRN-03 report a token in the URL and never use it: %s', (url) => {
    expect(find({ url })).toEqual({ outcome: 'none', strays: 0, tokenInUrl: true })
    expect(find({ url, headers: { cookie: cookies(GOOD) } })).toEqual({
      ...presented('cookie', [GOOD]),
      tokenInUrl: true,
    })
  })

  it.each([
    '/',
    `/?x=${GOOD}a`,
    `/?x=a${GOOD}`,
    `/?x=${GOOD.slice(1)}`,
    `/?x=A${GOOD.slice(1)}`,
    `/${'a-'.repeat(900)}`,
  ])('take nothing else in a URL for a token: %s', (url) => {
    expect(hasTokenInUrl(url)).toBe(false)
  })
})

describe('the form of a token', () => {
  it('is that of every token we issue, in every key slot', () => {
    for (let slot = 0; slot <= 15; slot++) expect(hasTokenForm(issue(slot))).toBe(true)
  })

  it('TOK-07 is nothing else: other lengths, alphabets and versions', () => {
    const tail = GOOD.slice(1)
    for (const bad of [
      '',
      GOOD.slice(1),
      `${GOOD}A`,
      `${GOOD}\n`,
      `${GOOD.slice(0, 67)}=`,
      `${GOOD.slice(0, 67)}+`,
    ]) {
      expect(hasTokenForm(bad)).toBe(false)
    }
    for (const first of 'ABCDIJQZaz09-_') expect(hasTokenForm(first + tail)).toBe(false)
  })

  it('TOK-07 is judged without a throw for any text, in header and URL alike', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const found = find({
          url: `/${text}`,
          headers: { cookie: `__Host-sid=${text}`, authorization: text },
        })
        expect(found.outcome).not.toBe('presented')
      }),
    )
  })
})

function find(request: FakeRequest, sources = BOTH as Parameters<typeof findCredentials>[1]): Credentials {
  return findCredentials(fakeExchange(request), sources)
}

function presented(transport: 'cookie' | 'bearer', tokens: readonly string[]) {
  return { outcome: 'presented', transport, tokens, dpop: false, strays: 0, tokenInUrl: false }
}

function issue(slot: number): string {
  const ring = new KeyRing([{ slot, state: 'current', master: environment.randomBytes(32) }], {
    name: 'session',
  })
  return issueToken(ring, ring.currentSlot, newSessionId(environment, null), newSecret(environment), 1)
}
