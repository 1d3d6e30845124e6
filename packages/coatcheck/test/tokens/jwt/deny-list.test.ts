import { describe, expect, it } from 'vitest'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { type Denial, DenyList } from '../../../src/tokens/jwt/deny-list.ts'
import {
  claims,
  ecKey,
  encode,
  headerOf,
  ISSUER,
  NOW,
  signatureOf,
  signText,
  token,
  verifierOf,
} from './forge.ts'

const key = ecKey('ec')
const until = (NOW + 305) * 1000

describe('the deny-list', () => {
  it.each([
    ['sid', { iss: ISSUER, sid: 'session-1', until }],
    ['jti', { iss: ISSUER, jti: 'token-1', until }],
  ])(
    'JWT-14 refuses by %s from the next call on, also what was verified before',
    async (_, denial: Denial) => {
      const { verifier, outcome } = verifierOf([key])
      const [text, other] = [token(key), token(key, { sid: 'session-2', jti: 'token-2' })]
      expect(await outcome(text)).toBe('ok')
      verifier.deny(denial)
      expect(verifier.verify(text)).toEqual({ ok: false, reason: 'revoked' })
      expect(await outcome(other)).toBe('ok')
    },
  )

  it('JWT-13 cannot be passed by with the same token in another writing', async () => {
    const { verifier, outcome } = verifierOf([key])
    const text = token(key)
    const input = text.slice(0, text.lastIndexOf('.'))
    verifier.deny({ iss: ISSUER, jti: 'token-1', until })
    const variants = [
      text,
      // Another signature of the same words: ECDSA has as many as there are random numbers.
      `${input}.${signatureOf(key, input).toString('base64url')}`,
      `${input}.${malleated(text)}`,
      signText(key, JSON.stringify(headerOf(key), null, 1), JSON.stringify(claims(), null, 1)),
      token(key, { jti: 'token-1', extra: 'x' }),
    ]
    expect(new Set(variants).size).toBe(5)
    for (const one of variants) expect(await outcome(one)).toBe('revoked')
    for (const one of [`${text}=`, ` ${text}`, encode(text)]) expect(await outcome(one)).toBe('malformed')
  })

  it('JWT-13 (r, n-s) is a right signature: only the name of the token can deny it', async () => {
    const { verifier, outcome } = verifierOf([key])
    const text = token(key)
    const twin = `${text.slice(0, text.lastIndexOf('.'))}.${malleated(text)}`
    expect([await outcome(text), await outcome(twin)]).toEqual(['ok', 'ok'])
    verifier.deny({ iss: ISSUER, sid: 'session-1', until })
    expect([await outcome(text), await outcome(twin)]).toEqual(['revoked', 'revoked'])
  })

  it('JWT-13 an entry vanishes when no token can be valid any more', () => {
    const environment = new FakeEnvironment({ now: NOW * 1000 })
    const list = new DenyList(ISSUER, environment, 10)
    list.add({ iss: ISSUER, sid: 'a', until: NOW * 1000 + 60_000 })
    list.add({ iss: ISSUER, jti: 'b', until: NOW * 1000 + 90_000 })
    expect(list.size).toBe(2)
    environment.advance(59_999)
    expect([list.has('x', 'a'), list.has('b', undefined)]).toEqual([true, true])
    environment.advance(1)
    expect([list.has('x', 'a'), list.has('b', undefined), list.size]).toEqual([false, true, 1])
    environment.advance(30_000)
    expect([list.has('b', 'a'), list.size]).toEqual([false, 0])
  })

  it('JWT-13 an entry is only ever prolonged', () => {
    const environment = new FakeEnvironment({ now: NOW * 1000 })
    const list = new DenyList(ISSUER, environment, 10)
    list.add({ iss: ISSUER, sid: 'a', until: NOW * 1000 + 60_000 })
    list.add({ iss: ISSUER, sid: 'a', until: NOW * 1000 + 1_000 })
    environment.advance(30_000)
    expect(list.has('x', 'a')).toBe(true)
    list.add({ iss: ISSUER, sid: 'late', until: NOW * 1000 })
    expect(list.size).toBe(1)
  })

  it('P1 a clock that is set forward and back again brings nothing back, in either order', () => {
    const environment = new FakeEnvironment({ now: NOW * 1000 })
    const list = new DenyList(ISSUER, environment, 10)
    list.add({ iss: ISSUER, sid: 'a', until: NOW * 1000 + 60_000 })
    environment.stepWallClock(3_600_000)
    environment.advance(30_000)
    expect([list.has('x', 'a'), list.size]).toEqual([true, 1])
    environment.stepWallClock(-3_600_000)
    expect(list.has('x', 'a')).toBe(true)
    environment.stepWallClock(-100_000)
    environment.advance(60_000)
    expect(list.has('x', 'a')).toBe(true)
    environment.advance(70_000)
    expect([list.has('x', 'a'), list.size]).toEqual([false, 0])
  })

  it('a session is no token and a token is no session, whatever they are called', () => {
    const list = new DenyList(ISSUER, new FakeEnvironment({ now: NOW * 1000 }), 10)
    list.add({ iss: ISSUER, sid: 'a', until })
    expect([list.has('a', undefined), list.has('a', 'b'), list.has('x', 'a')]).toEqual([false, false, true])
    expect(list.has('__proto__', 'constructor')).toBe(false)
  })

  it('P1 is bounded and forgets nothing to make room: it says that it is full', () => {
    const environment = new FakeEnvironment({ now: NOW * 1000 })
    const list = new DenyList(ISSUER, environment, 3)
    for (const sid of ['a', 'b', 'c', 'c']) list.add({ iss: ISSUER, sid, until })
    expect(() => list.add({ iss: ISSUER, sid: 'd', until })).toThrow(
      expect.objectContaining({ code: 'ERR_STORE_FULL' }),
    )
    expect(['a', 'b', 'c'].every((sid) => list.has('x', sid))).toBe(true)
    environment.advance(305_000)
    list.add({ iss: ISSUER, sid: 'd', until: until + 400_000 })
    expect(list.size).toBe(1)
  })

  it('takes entries of its issuer that name one thing and an end', () => {
    const { verifier } = verifierOf([key])
    const wrong: readonly object[] = [
      { iss: `${ISSUER}/`, sid: 'a', until },
      { iss: ISSUER, until },
      { iss: ISSUER, sid: '', until },
      { iss: ISSUER, sid: 'a', jti: 'b', until },
      { iss: ISSUER, sid: 'a' },
      { iss: ISSUER, sid: 'a', until: Number.NaN },
      { iss: ISSUER, sid: 'a', until: Number.POSITIVE_INFINITY },
    ]
    for (const denial of wrong) {
      expect(() => verifier.deny(denial as Denial)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }))
    }
  })
})

/** The other signature that everybody can make of one: (r, n - s). */
function malleated(text: string): string {
  const signature = Buffer.from(text.split('.')[2] ?? '', 'base64url')
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const s = order - BigInt(`0x${signature.subarray(32).toString('hex')}`)
  const twin = Buffer.from(s.toString(16).padStart(64, '0'), 'hex')
  return Buffer.concat([signature.subarray(0, 32), twin]).toString('base64url')
}
