import { describe, expect, it } from 'vitest'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import {
  type AccessTokenContent,
  createAccessTokenVerifier,
  createKeyRing,
  ephemeralSigningKeys,
  signAccessToken,
} from '../../../src/tokens/index.ts'
import { AUDIENCE, ISSUER, NOW } from './forge.ts'

const environment = new FakeEnvironment({ now: NOW * 1000 + 789 })
const ring = createKeyRing({ storage: ephemeralSigningKeys(), environment })
const issuer = { issuer: ISSUER, ring, environment }
const least: AccessTokenContent = { subject: 'user-1', audience: AUDIENCE, clientId: 'shop' }

describe('an access token', () => {
  it('JWT-08 has the header and the claims of RFC 9068, and nothing that was not asked for', async () => {
    const signed = await signAccessToken(issuer, least)
    const { header, claims } = read(signed.token)
    const [current] = await ring.list()
    expect(header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: current?.kid })
    expect(claims).toEqual({
      iss: ISSUER,
      sub: 'user-1',
      aud: AUDIENCE,
      client_id: 'shop',
      iat: NOW,
      exp: NOW + 300,
      jti: signed.jti,
    })
    expect(signed).toMatchObject({ issuedAt: NOW * 1000, expiresAt: (NOW + 300) * 1000 })
    expect(signed.jti).toMatch(/^[\w-]{22}$/)
    expect((await signAccessToken(issuer, least)).jti).not.toBe(signed.jti)
  })

  it('says all that it is told to, and is accepted so', async () => {
    const { token } = await signAccessToken(issuer, {
      ...least,
      audience: [AUDIENCE, 'https://mail.example.com'],
      scope: ['orders:read', 'orders:write'],
      sid: 'session-1',
      fam: 'family-1',
      cnf: { jkt: 'thumbprint' },
      authTime: NOW * 1000 - 1,
      acr: 'aal2',
      amr: ['pwd', 'otp'],
      extra: { tenant: 'a', roles: ['clerk'] },
      expiresIn: '90s',
    })
    const verifier = createAccessTokenVerifier({
      issuer: ISSUER,
      audience: AUDIENCE,
      jwks: ring,
      environment,
    })
    expect(await verifier.verify(token, { checksProof: true })).toMatchObject({
      ok: true,
      claims: {
        aud: [AUDIENCE, 'https://mail.example.com'],
        scope: 'orders:read orders:write',
        sid: 'session-1',
        fam: 'family-1',
        cnf: { jkt: 'thumbprint' },
        auth_time: NOW - 1,
        acr: 'aal2',
        amr: ['pwd', 'otp'],
        tenant: 'a',
        roles: ['clerk'],
        exp: NOW + 90,
      },
    })
  })

  it.each([
    'iss',
    'sub',
    'aud',
    'exp',
    'nbf',
    'iat',
    'jti',
    'client_id',
    'scope',
    'sid',
    'fam',
    'cnf',
    'act',
    'acr',
  ])('cannot be given a reserved claim by the application: %s', async (name) => {
    await expect(signAccessToken(issuer, { ...least, extra: { [name]: 'x' } })).rejects.toThrow(
      `The claim '${name}' is reserved`,
    )
  })

  it('JWT-06 is always for somebody', async () => {
    for (const audience of ['', [], [AUDIENCE, '']]) {
      await expect(signAccessToken(issuer, { ...least, audience })).rejects.toMatchObject({
        code: 'ERR_USAGE',
      })
    }
  })

  it('is always of somebody: an empty user id or client is a mistake', async () => {
    await expect(signAccessToken(issuer, { ...least, subject: '' })).rejects.toMatchObject({
      code: 'ERR_USAGE',
    })
    await expect(signAccessToken(issuer, { ...least, clientId: '' })).rejects.toMatchObject({
      code: 'ERR_USAGE',
    })
  })

  it('JWT-15 lives for no longer than retired keys are published', async () => {
    await expect(signAccessToken(issuer, { ...least, expiresIn: '61m' })).rejects.toThrow(
      'longestTokenLife is 1h',
    )
    await expect(signAccessToken(issuer, { ...least, expiresIn: 999 })).rejects.toThrow('expiresIn')
    const { expiresAt, issuedAt } = await signAccessToken(issuer, { ...least, expiresIn: '1h' })
    expect(expiresAt - issuedAt).toBe(3_600_000)
    const short = createKeyRing({ storage: ephemeralSigningKeys(), longestTokenLife: '1m', environment })
    const signed = await signAccessToken({ ...issuer, ring: short }, least)
    expect(signed.expiresAt - signed.issuedAt).toBe(60_000)
  })

  it('JWT-09 is never larger than verifiers take', async () => {
    await expect(
      signAccessToken(issuer, { ...least, extra: { fill: 'x'.repeat(8_000) } }),
    ).rejects.toMatchObject({
      code: 'ERR_USAGE',
    })
  })
})

function read(token: string) {
  const [header, claims] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header: JSON.parse(header ?? ''), claims: JSON.parse(claims ?? '') }
}
