import { describe, expect, it } from 'vitest'
import { AUDIENCE, claims, ecKey, headerOf, ISSUER, NOW, signText, token, verifierOf } from './forge.ts'

const key = ecKey('ec')
const { outcome } = verifierOf([key])

describe('the time', () => {
  it('JWT-05 a token is valid from iat to before exp, give or take the tolerance, at each edge', async () => {
    const { outcome, environment } = verifierOf([key], { clockTolerance: '5s' })
    const text = token(key, { iat: NOW + 10, exp: NOW + 20 })
    const edges = [
      [NOW * 1000 + 4_999, 'not-yet-valid'],
      [NOW * 1000 + 5_000, 'ok'],
      [NOW * 1000 + 24_999, 'ok'],
      [NOW * 1000 + 25_000, 'expired'],
    ] as const
    for (const [at, expected] of edges) {
      environment.stepWallClock(at - environment.now())
      expect([at, await outcome(text)]).toEqual([at, expected])
    }
  })

  it('JWT-05 nbf is kept to as well, and the later of it and iat counts', async () => {
    const { outcome, environment } = verifierOf([key], { clockTolerance: 0 })
    const text = token(key, { nbf: NOW + 30 })
    expect(await outcome(text)).toBe('not-yet-valid')
    environment.stepWallClock(29_999)
    expect(await outcome(text)).toBe('not-yet-valid')
    environment.stepWallClock(1)
    expect(await outcome(text)).toBe('ok')
    expect(await outcome(token(key, { iat: NOW + 60, nbf: NOW, exp: NOW + 90 }))).toBe('not-yet-valid')
  })

  it('JWT-05 a cached token expires and starts like any other', async () => {
    const { verifier, outcome, environment } = verifierOf([key], { clockTolerance: 0 })
    const text = token(key)
    expect(await outcome(text)).toBe('ok')
    environment.advance(299_999)
    expect(verifier.verify(text)).toMatchObject({ ok: true })
    environment.advance(1)
    expect(verifier.verify(text)).toEqual({ ok: false, reason: 'expired' })
    expect(await outcome(text)).toBe('expired')
    environment.stepWallClock(-400_000)
    expect(await outcome(text)).toBe('not-yet-valid')
  })

  it.each(['exp', 'iat', 'nbf'])(
    'JWT-05 %s is a whole number of seconds that is not negative',
    async (name) => {
      for (const value of ['1800000300', 1.5, -1, null, true, [NOW], {}, 2 ** 60, '']) {
        expect([value, await outcome(token(key, { [name]: value }))]).toEqual([value, 'claims'])
      }
    },
  )

  it('JWT-05 a number without bounds is refused before it is anything', async () => {
    for (const value of ['1e400', '-1e400', 'NaN', 'Infinity', '01800000000', '0x6b49d200']) {
      const text = JSON.stringify(claims()).replace(`"exp":${NOW + 300}`, `"exp":${value}`)
      expect(await outcome(signText(key, JSON.stringify(headerOf(key)), text))).toBe('malformed')
    }
  })

  it('JWT-05 exp and iat are required', async () => {
    expect(await outcome(token(key, { exp: undefined }))).toBe('claims')
    expect(await outcome(token(key, { iat: undefined }))).toBe('claims')
  })

  it('JWT-05 the tolerance is bounded', () => {
    expect(() => verifierOf([key], { clockTolerance: '301s' })).toThrow("at most '5m'")
    expect(() => verifierOf([key], { clockTolerance: -1 })).toThrow('Option clockTolerance')
    expect(() => verifierOf([key], { clockTolerance: '5m' })).not.toThrow()
  })

  it('JWT-14 a token that lives for longer than agreed is refused: revocation counts on its end', async () => {
    const { outcome } = verifierOf([key], { longestLife: '5m' })
    expect(await outcome(token(key, { exp: NOW + 300 }))).toBe('ok')
    expect(await outcome(token(key, { exp: NOW + 301 }))).toBe('too-long-lived')
  })
})

describe('the audience', () => {
  it.each([
    [AUDIENCE, 'ok'],
    [[AUDIENCE], 'ok'],
    [['https://other.example', AUDIENCE], 'ok'],
    ['https://other.example', 'audience'],
    [['https://other.example'], 'audience'],
    [AUDIENCE.slice(0, -1), 'audience'],
    [`${AUDIENCE}/`, 'audience'],
    [`${AUDIENCE} https://other.example`, 'audience'],
    [AUDIENCE.toUpperCase(), 'audience'],
    ['*', 'audience'],
    [[[AUDIENCE]], 'claims'],
    [[], 'claims'],
    ['', 'claims'],
    [null, 'claims'],
    [undefined, 'claims'],
    [{ 0: AUDIENCE }, 'claims'],
    [[AUDIENCE, 7], 'claims'],
  ])('JWT-06 %j → %s', async (aud, expected) => {
    expect(await outcome(token(key, { aud }))).toBe(expected)
  })

  it('JWT-06 may be one of several names of this service', async () => {
    const { outcome } = verifierOf([key], { audience: ['https://a.example', 'https://b.example'] })
    expect(await outcome(token(key, { aud: ['x', 'https://b.example'] }))).toBe('ok')
    expect(await outcome(token(key))).toBe('audience')
  })

  it('JWT-06 must be configured', () => {
    for (const audience of ['', [], [''], undefined, null]) {
      expect(() => verifierOf([key], { audience: audience as string })).toThrow('Option audience')
    }
  })
})

describe('the issuer', () => {
  it.each([
    `${ISSUER}/`,
    ISSUER.toUpperCase(),
    'https://Accounts.example.com',
    'http://accounts.example.com',
    `${ISSUER}:443`,
    ISSUER.slice(0, -1),
    `${ISSUER}.evil.example`,
    `${ISSUER}\u0000`,
    'https://accounts.example.c\u043em',
  ])('JWT-07 is equal in every character: %s', async (iss) => {
    expect(await outcome(token(key, { iss }))).toBe('issuer')
  })

  it('JWT-07 is a text', async () => {
    for (const iss of [undefined, null, [ISSUER], { iss: ISSUER }, '']) {
      expect(await outcome(token(key, { iss }))).toBe('claims')
    }
    expect(() => verifierOf([key], { issuer: '' })).toThrow('Option issuer')
  })
})

describe('the kind of token', () => {
  const KINDS = [
    'at+jwt',
    'JWT',
    'logout+jwt',
    'dpop+jwt',
    'dbsc+jwt',
    'secevent+jwt',
    'id_token+jwt',
    'rt+jwt',
  ]

  it.each(KINDS)('JWT-08 of all kinds only access tokens are taken: %s', async (typ) => {
    const expected = typ === 'at+jwt' ? 'ok' : 'type'
    expect(await outcome(token(key, {}, { typ }))).toBe(expected)
    expect(await outcome(token(key, {}, { typ: `application/${typ}` }))).toBe(expected)
  })

  it('JWT-08 the type has no case, and must be there', async () => {
    for (const typ of ['AT+JWT', 'At+Jwt', 'application/at+jwt', 'APPLICATION/AT+JWT']) {
      expect(await outcome(token(key, {}, { typ }))).toBe('ok')
    }
    const others = [
      undefined,
      null,
      '',
      'at',
      'at+jwt ',
      'text/at+jwt',
      'application/application/at+jwt',
      ['at+jwt'],
      1,
    ]
    for (const typ of others) expect([typ, await outcome(token(key, {}, { typ }))]).toEqual([typ, 'type'])
  })
})

describe('the other claims', () => {
  it.each(['sub', 'client_id', 'jti'])('JWT-08 %s is required, as RFC 9068 has it', async (name) => {
    for (const value of [undefined, null, '', 7, ['x']]) {
      expect(await outcome(token(key, { [name]: value }))).toBe('claims')
    }
  })

  it.each([
    ['scope', ['a']],
    ['sid', 7],
    ['sid', ''],
    ['fam', null],
    ['cnf', 'key'],
    ['cnf', []],
    ['acr', 1],
    ['amr', 'pwd'],
    ['amr', [1]],
    ['auth_time', '1'],
  ])('%s is refused where it is %j', async (name, value) => {
    expect(await outcome(token(key, { [name]: value }))).toBe('claims')
  })

  it('are not taken from anything but the token itself', async () => {
    expect(await outcome(token(key, { sub: undefined, __proto__: { sub: 'admin' } }))).toBe('claims')
    const text = JSON.stringify(claims()).replace('"sub":"user-1"', '"__proto__":{"sub":"admin"}')
    expect(await outcome(signText(key, JSON.stringify(headerOf(key)), text))).toBe('claims')
  })

  it('come frozen to the last member, since later requests get the same ones', async () => {
    const { verifier } = verifierOf([key])
    const found = await verifier.verify(token(key, { address: { city: 'x' }, roles: [{ name: 'a' }] }))
    if (!found.ok) throw new Error(found.reason)
    const write = () => Object.assign(found.claims.address as object, { city: 'y' })
    expect(write).toThrow(TypeError)
    expect(() => (found.claims.roles as { name: string }[])[0]?.name.length).not.toThrow()
    expect(Object.isFrozen(found.claims) && Object.isFrozen((found.claims.roles as object[])[0])).toBe(true)
  })
})
