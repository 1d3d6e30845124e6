import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Cookie,
  findCookies,
  MAX_COOKIE_AGE,
  nameOfSetCookie,
  serializeCookie,
  serializeDeletion,
} from '../../src/http/cookie.ts'

const COOKIE: Cookie = {
  name: '__Host-sid',
  domain: null,
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'lax',
  partitioned: false,
}

const refusal = expect.objectContaining({ code: 'ERR_USAGE' })

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i))
const octets = range(0x21, 0x7e).filter((c) => !['"', ',', ';', '\\'].includes(c))
const tokenChars = [...octets].filter((c) => !'()/:<=>?@[]{}'.includes(c))

const values = fc.string({ unit: fc.constantFrom(...octets), maxLength: 200 })
const names = fc.string({ unit: fc.constantFrom(...tokenChars), minLength: 1, maxLength: 30 })
const plainNames = names.filter((name) => !/^__(?:host|secure|http)-/i.test(name))

describe('the Set-Cookie serializer', () => {
  it('CK-01 CK-05 CK-15 writes a cookie for the browser session with every flag spelled out', () => {
    expect(serializeCookie(COOKIE, 'abc', null)).toBe(
      '__Host-sid=abc; Path=/; Secure; HttpOnly; SameSite=Lax',
    )
  })

  it('CK-09 CK-14 writes the remaining life as whole seconds, rounded up so that the cookie outlives the session', () => {
    expect(serializeCookie(COOKIE, 'abc', 60_001)).toBe(
      '__Host-sid=abc; Max-Age=61; Path=/; Secure; HttpOnly; SameSite=Lax',
    )
    expect(serializeCookie(COOKIE, 'abc', 60_000)).toContain('; Max-Age=60;')
    expect(serializeCookie(COOKIE, 'abc', -5)).toContain('; Max-Age=0;')
  })

  it('writes domain, partition and the other values of SameSite where they are asked for', () => {
    const shared = {
      ...COOKIE,
      name: '__Secure-sid',
      domain: 'shop.example',
      path: '/app',
      partitioned: true,
    }
    expect(serializeCookie({ ...shared, sameSite: 'none' }, 'abc', null)).toBe(
      '__Secure-sid=abc; Path=/app; Domain=shop.example; Secure; HttpOnly; SameSite=None; Partitioned',
    )
    expect(serializeCookie({ ...COOKIE, sameSite: 'strict' }, 'abc', null)).toContain('; SameSite=Strict')
  })

  it('CK-07 accepts 4,096 octets of name and value and refuses 4,097', () => {
    const value = 'a'.repeat(4_096 - COOKIE.name.length)
    expect(nameOfSetCookie(serializeCookie(COOKIE, value, null))).toBe(COOKIE.name)
    expect(() => serializeCookie(COOKIE, `${value}a`, null)).toThrow(refusal)
  })

  it('CK-07 accepts an attribute value of 1,024 octets and refuses 1,025', () => {
    const path = `/${'a'.repeat(1_023)}`
    const cookie = { ...COOKIE, name: '__Secure-sid' }
    expect(serializeCookie({ ...cookie, path }, '', null)).toContain(`; Path=${path};`)
    expect(() => serializeCookie({ ...cookie, path: `${path}a` }, '', null)).toThrow(refusal)
  })

  it('CK-16 accepts 400 days and refuses a second more, and what is no number', () => {
    expect(serializeCookie(COOKIE, '', MAX_COOKIE_AGE)).toContain('; Max-Age=34560000;')
    for (const age of [MAX_COOKIE_AGE + 1_000, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => serializeCookie(COOKIE, '', age)).toThrow(refusal)
    }
  })

  it('CK-09 refuses CR, LF, semicolon, comma, quotes, blanks, NUL and non-ASCII in value, name, path and domain', () => {
    const cookie = { ...COOKIE, name: '__Secure-sid' }
    for (const bad of ['\r', '\n', ';', ',', '"', ' ', '\t', '\0', '\x7f', 'é', '\u{1f36a}', '\\']) {
      expect(() => serializeCookie(cookie, `a${bad}b`, null)).toThrow(refusal)
      expect(() => serializeCookie({ ...cookie, name: `a${bad}b` }, '', null)).toThrow(refusal)
      expect(() => serializeCookie({ ...cookie, domain: `a${bad}b.example` }, '', null)).toThrow(refusal)
      // A backslash is an ordinary character of a path.
      if (bad !== '\\')
        expect(() => serializeCookie({ ...cookie, path: `/a${bad}b` }, '', null)).toThrow(refusal)
    }
  })

  it('CK-09 refuses a nameless cookie, a path without slash and a domain that is none', () => {
    const cookie = { ...COOKIE, name: '__Secure-sid' }
    expect(() => serializeCookie({ ...cookie, name: '' }, 'a', null)).toThrow(refusal)
    expect(() => serializeCookie({ ...cookie, path: 'app' }, 'a', null)).toThrow(refusal)
    for (const domain of [
      '',
      '.shop.example',
      'shop..example',
      'Shop.example',
      'https://x',
      'x:80',
      '-a.example',
    ]) {
      expect(() => serializeCookie({ ...cookie, domain }, 'a', null)).toThrow(refusal)
    }
  })

  it('CK-03 CK-04 refuses what browsers drop for its prefix, in whatever case the prefix is written', () => {
    const wrong: Partial<Cookie>[] = [
      { secure: false },
      { path: '/app' },
      { domain: 'shop.example' },
      { name: '__hOST-sid', path: '/app' },
      { name: '__Secure-sid', secure: false },
      { name: '__Http-sid', httpOnly: false },
      { name: '__Host-Http-sid', httpOnly: false },
      { name: '__Host-Http-sid', domain: 'shop.example' },
    ]
    for (const change of wrong)
      expect(() => serializeCookie({ ...COOKIE, ...change }, 'a', null)).toThrow(refusal)
    expect(serializeCookie({ ...COOKIE, name: '__Host-Http-sid' }, 'a', null)).toContain('__Host-Http-sid=a')
  })

  it('CK-05 refuses SameSite=None and Partitioned without Secure', () => {
    const plain: Cookie = { ...COOKIE, name: 'sid', secure: false }
    expect(() => serializeCookie({ ...plain, sameSite: 'none' }, 'a', null)).toThrow(refusal)
    expect(() => serializeCookie({ ...plain, partitioned: true }, 'a', null)).toThrow(refusal)
  })

  it('P6 names no value in a refusal', () => {
    const secret = `${'s3cret'.repeat(700)}`
    for (const value of [secret, `${secret.slice(0, 60)}\n`]) {
      let message = ''
      try {
        serializeCookie(COOKIE, value, null)
      } catch (error) {
        message = String(error)
      }
      expect(message).toContain('__Host-sid')
      expect(message).not.toContain('s3cret')
    }
  })

  it('CK-09 writes nothing outside the grammar of 6265bis 4.1.1, whatever it is given', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 20 })
    const cookies = fc.record({
      name: fc.oneof(names, anything),
      domain: fc.oneof(fc.constant(null), fc.domain(), anything),
      path: fc.oneof(fc.constant('/'), anything),
      secure: fc.boolean(),
      httpOnly: fc.boolean(),
      sameSite: fc.constantFrom('lax' as const, 'strict' as const, 'none' as const),
      partitioned: fc.boolean(),
    })
    const ages = fc.oneof(fc.constant(null), fc.integer({ min: 0, max: MAX_COOKIE_AGE }))
    let written = 0
    fc.assert(
      fc.property(cookies, fc.oneof(values, anything), ages, (cookie, value, age) => {
        for (const write of [() => serializeCookie(cookie, value, age), () => serializeDeletion(cookie)]) {
          let text: string
          try {
            text = write()
          } catch (error) {
            expect(error).toEqual(refusal)
            continue
          }
          written++
          expect(text).toMatch(GRAMMAR)
          const attributes = text
            .split('; ')
            .slice(1)
            .map((part) => part.split('=')[0])
          expect(new Set(attributes).size).toBe(attributes.length)
        }
      }),
      { numRuns: 3_000 },
    )
    expect(written).toBeGreaterThan(100)
  })
})

describe('the deletion of a cookie', () => {
  it('CK-13 repeats name, path, domain and flags of the creation, with no value and a past expiry', () => {
    const shapes: Cookie[] = [
      COOKIE,
      { ...COOKIE, name: '__Secure-sid', domain: 'shop.example' },
      { ...COOKIE, name: '__Secure-sid', path: '/app', sameSite: 'strict' },
      { ...COOKIE, name: 'sid', secure: false },
      { ...COOKIE, sameSite: 'none', partitioned: true },
    ]
    for (const cookie of shapes) {
      const created = attributesOf(serializeCookie(cookie, 'abc', 1_000))
      const deleted = attributesOf(serializeDeletion(cookie))
      expect(serializeDeletion(cookie).startsWith(`${cookie.name}=;`)).toBe(true)
      expect(deleted).toEqual(expect.arrayContaining(['Max-Age=0', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT']))
      const withoutExpiry = (attributes: string[]) =>
        attributes.filter((a) => !/^(?:Max-Age|Expires)=/.test(a))
      expect(withoutExpiry(deleted)).toEqual(withoutExpiry(created))
    }
  })
})

describe('the search for a cookie', () => {
  it.each([
    ['alone', 'sid=a', ['a']],
    ['first', 'sid=a; x=1', ['a']],
    ['last', 'x=1; sid=a', ['a']],
    ['without blanks', 'x=1;sid=a;y=2', ['a']],
    ['with blanks around', 'x=1;  \tsid=a  ; y=2', ['a']],
    ['quoted', 'sid="a"', ['a']],
    ['a single quote mark', 'sid="', ['"']],
    ['empty', 'sid=; x=1', ['']],
    ['with equals signs inside', 'sid=a=b==', ['a=b==']],
    ['not decoded', 'sid=a%20b', ['a%20b']],
    ['CK-11 twice, in order', 'sid=good; x=1; sid=evil', ['good', 'evil']],
    ['CK-11 twice, the other way round', 'sid=evil; sid=good', ['evil', 'good']],
    ['as the end of another name', 'xsid=a; my-sid=b; x.sid=c', []],
    ['as the start of another name', 'sid2=a; sidx=b; sid =c', []],
    ['within a value', 'x=sid=a; y="sid=b"', []],
    ['behind a comma, which separates nothing', 'x=1, sid=evil', []],
    ['CK-12 in another case', 'SID=a; Sid=b', []],
    ['without a value', 'sid; sid', []],
    ['not at all', '', []],
  ])('CK-10 finds it %s', (_, header, expected) => {
    expect(findCookies(header, 'sid')).toEqual(expected)
  })

  it('CK-12 tells prefixes apart by case', () => {
    expect(findCookies('__HOST-sid=a; __host-sid=b; __Host-sid=c', '__Host-sid')).toEqual(['c'])
  })

  it('CK-10 agrees with splitting the header, for any cookies in any order', () => {
    const pairs = fc.array(
      fc.tuple(fc.oneof(plainNames, fc.constantFrom('sid', 'SID', 'sid2', 'xsid', 's')), values),
      { maxLength: 12 },
    )
    const separators = fc.constantFrom('; ', ';', ' ;\t')
    fc.assert(
      fc.property(pairs, separators, (cookies, separator) => {
        const header = cookies.map(([name, value]) => `${name}=${value}`).join(separator)
        const expected = cookies.filter(([name]) => name === 'sid').map(([, value]) => value)
        expect(findCookies(header, 'sid')).toEqual(expected)
      }),
      { numRuns: 2_000 },
    )
  })

  it('CK-09 reads back what the serializer wrote', () => {
    fc.assert(
      fc.property(plainNames, values, (name, value) => {
        const setCookie = serializeCookie({ ...COOKIE, name }, value, null)
        const pair = setCookie.slice(0, setCookie.indexOf(';'))
        expect(findCookies(`a=1; ${pair}; z=2`, name)).toContain(value)
        expect(nameOfSetCookie(setCookie)).toBe(name)
      }),
    )
  })

  it('finds nothing in a header that repeats the bare name up to the limit', () => {
    const header = `${' sid'.repeat(4_000)}${' '.repeat(384)}`
    expect(header.length).toBe(16_384)
    expect(findCookies(header, 'sid')).toEqual([])
  })
})

/** set-cookie-string of 6265bis 4.1.1, with the attributes that we write. */
const GRAMMAR = new RegExp(
  [
    "^[!#$%&'*+.^_`|~0-9A-Za-z-]+=[\\x21\\x23-\\x2B\\x2D-\\x3A\\x3C-\\x5B\\x5D-\\x7E]*",
    '(?:; Max-Age=(?:0|[1-9][0-9]*))?',
    '(?:; Expires=Thu, 01 Jan 1970 00:00:00 GMT)?',
    '; Path=/[\\x20-\\x3A\\x3C-\\x7E]*',
    '(?:; Domain=[a-z0-9_.-]+)?',
    '(?:; Secure)?(?:; HttpOnly)?; SameSite=(?:Lax|Strict|None)(?:; Partitioned)?$',
  ].join(''),
)

function attributesOf(setCookie: string): string[] {
  return setCookie.split('; ').slice(1)
}
