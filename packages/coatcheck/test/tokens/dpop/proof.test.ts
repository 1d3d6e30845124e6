import { beforeAll, describe, expect, it } from 'vitest'
import { toBase64Url, utf8 } from '../../../src/core/encoding.ts'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { createDpop, type Dpop } from '../../../src/tokens/dpop/dpop.ts'
import { ProofClient, type ProofParts } from './client.ts'

const URL_ = 'https://shop.example/orders'
const ACCESS_TOKEN = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
const REFUSED = { ok: false, error: 'invalid_dpop_proof', nonce: null }

let environment: FakeEnvironment
let client: ProofClient

beforeAll(async () => {
  environment = new FakeEnvironment()
  client = await ProofClient.create(environment)
})

describe('a proof', () => {
  it('DPOP-01 DPOP-02 DPOP-04 that is right tells whose key the request was made with', async () => {
    const proof = await client.proof({ method: 'POST', url: URL_, accessToken: ACCESS_TOKEN })
    const request = { method: 'POST', url: URL_, proof, accessToken: ACCESS_TOKEN }
    expect(await make().verify(request)).toEqual({ ok: true, jkt: client.jkt, nonce: null })
  })

  it('DPOP-01 of RFC 9449, 4.2, is accepted, and its key has the thumbprint of section 6.1', async () => {
    const dpop = make({ environment: new FakeEnvironment({ now: 1_562_262_616_000 }) })
    const proof = `${RFC_HEADER}.${RFC_CLAIMS}.${RFC_SIGNATURE}`
    const request = { method: 'POST', url: 'https://server.example.com/token', proof }
    expect(await dpop.verify(request)).toMatchObject({
      ok: true,
      jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
    })
  })

  it.each(['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256'] as const)(
    'DPOP-01 is accepted under %s where that is allowed, and refused elsewhere',
    async (algorithm) => {
      const other = await ProofClient.create(environment, algorithm)
      const request = { method: 'GET', url: URL_, proof: await other.proof({ url: URL_ }) }
      expect(await make({ algorithms: [algorithm] }).verify(request)).toMatchObject({ jkt: other.jkt })
      expect(await make({ algorithms: ['ES512'] }).verify(request)).toEqual(REFUSED)
    },
  )

  it.each<[string, ProofParts]>([
    ['no typ', { header: { typ: undefined } }],
    ['the typ of a JWT', { header: { typ: 'JWT' } }],
    ['the typ of an access token', { header: { typ: 'at+jwt' } }],
    ['no jwk', { header: { jwk: undefined } }],
    ['a jwk that is a text', { header: { jwk: 'key' } }],
    ['a jwk without a coordinate', { header: { jwk: { kty: 'EC', crv: 'P-256', x: 'AA' } } }],
    ['a critical extension', { header: { crit: ['urn'], urn: true } }],
    ['no jti', { claims: { jti: undefined } }],
    ['an empty jti', { claims: { jti: '' } }],
    ['a jti that is a number', { claims: { jti: 1 } }],
    ['a jti of 10 KB', { claims: { jti: 'x'.repeat(10_240) } }],
    ['no htm', { claims: { htm: undefined } }],
    ['no htu', { claims: { htu: undefined } }],
    ['no iat', { claims: { iat: undefined } }],
    ['an iat that is a text', { claims: { iat: '1800000000' } }],
    ['an iat that is null', { claims: { iat: null } }],
    ['another method', { claims: { htm: 'POST' } }],
    ['the method in small letters', { claims: { htm: 'get' } }],
    ['claims that are no object', { claims: { htm: { GET: true } } }],
  ])('DPOP-01 with %s is refused', async (_, parts) => {
    const proof = await client.proof({ url: URL_ }, parts)
    expect(await make().verify({ method: 'GET', url: URL_, proof })).toEqual(REFUSED)
  })

  it('DPOP-01 that gives its private key away is refused', async () => {
    const jwk = await client.privateJwk()
    const proof = await client.proof({ url: URL_ }, { header: { jwk } })
    expect(await make().verify({ method: 'GET', url: URL_, proof })).toEqual(REFUSED)
    const known = make()
    await known.verify({ method: 'GET', url: URL_, proof: await client.proof({ url: URL_ }) })
    expect(await known.verify({ method: 'GET', url: URL_, proof })).toEqual(REFUSED)
  })

  it('DPOP-01 that is signed with another key than it shows is refused', async () => {
    const other = await ProofClient.create(environment)
    const proof = await client.proof({ url: URL_ }, { header: { jwk: other.jwk } })
    expect(await make().verify({ method: 'GET', url: URL_, proof })).toEqual(REFUSED)
  })

  it.each(['none', 'HS256', 'RS256', 'ES256K', 'es256'])('DPOP-01 under %s is refused', async (alg) => {
    const [, claims = '', signature = ''] = (await client.proof({ url: URL_ })).split('.')
    const header = toBase64Url(utf8(JSON.stringify({ typ: 'dpop+jwt', alg, jwk: client.jwk })))
    for (const text of [`${header}.${claims}.${signature}`, `${header}.${claims}.`]) {
      expect(await make().verify({ method: 'GET', url: URL_, proof: text })).toEqual(REFUSED)
    }
  })

  it('DPOP-01 is refused with any character changed, added or left out', async () => {
    const proof = await client.proof({ url: URL_ })
    const dpop = make()
    for (let at = 0; at < proof.length; at += 7) {
      const changed = `${proof.slice(0, at)}${proof[at] === 'A' ? 'B' : 'A'}${proof.slice(at + 1)}`
      const shorter = `${proof.slice(0, at)}${proof.slice(at + 1)}`
      for (const text of [changed, shorter]) {
        expect(await dpop.verify({ method: 'GET', url: URL_, proof: text })).toEqual(REFUSED)
      }
    }
  })

  it.each([
    ['padding', (proof: string) => `${proof}=`],
    ['a fourth part', (proof: string) => `${proof}.AAAA`],
    ['two parts', (proof: string) => proof.split('.').slice(0, 2).join('.')],
    ['a blank before it', (proof: string) => ` ${proof}`],
    ['its twin beside it, joined by a comma', (proof: string) => `${proof}, ${proof}`],
    ['nothing at all', () => ''],
  ])('DPOP-01 spelled with %s is refused', async (_, spelled) => {
    const proof = spelled(await client.proof({ url: URL_ }))
    expect(await make().verify({ method: 'GET', url: URL_, proof })).toEqual(REFUSED)
  })

  it('DPOP-01 that says something twice is refused', async () => {
    const claims = await client.proof({ url: URL_ })
    const text = JSON.stringify(JSON.parse(Buffer.from(claims.split('.')[1] ?? '', 'base64url').toString()))
    const doubled = `${text.slice(0, -1)},"htm":"GET"}`
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: client.jwk }
    const proof = await client.sign(header, doubled)
    expect(await make().verify({ method: 'GET', url: URL_, proof })).toEqual(REFUSED)
  })

  it('DPOP-01 is refused where there are two, or none', async () => {
    const [one, two] = [await client.proof({ url: URL_ }), await client.proof({ url: URL_ })]
    for (const proof of [[one, two], [one, one], [], undefined]) {
      expect(await make().verify({ method: 'GET', url: URL_, proof })).toEqual(REFUSED)
    }
  })

  it('is read whatever the case of its typ, and whatever else its key says', async () => {
    const jwk = { ...client.jwk, kid: 'mine', use: 'sig', alg: 'ES256', x5u: 'https://evil.example' }
    const proof = await client.proof({ url: URL_ }, { header: { typ: 'DPoP+JWT', jwk } })
    expect(await make().verify({ method: 'GET', url: URL_, proof })).toMatchObject({ jkt: client.jkt })
  })
})

describe('what a proof says of its token', () => {
  it.each([
    ['another token', { accessToken: `${ACCESS_TOKEN}x` }, {}],
    ['no token', {}, {}],
    ['a number', {}, { claims: { ath: 1 } }],
    ['the token itself', {}, { claims: { ath: ACCESS_TOKEN } }],
  ])('DPOP-04 is refused where it speaks of %s', async (_, target, parts) => {
    const proof = await client.proof({ url: URL_, ...target }, parts)
    const request = { method: 'GET', url: URL_, proof, accessToken: ACCESS_TOKEN }
    expect(await make().verify(request)).toEqual(REFUSED)
  })
})

describe('options', () => {
  it.each([
    [{ algorithms: [] }, 'dpop.algorithms'],
    [{ algorithms: ['HS256'] }, 'dpop.algorithms'],
    [{ algorithms: ['ES256', 'none'] }, 'dpop.algorithms'],
    [{ maxAge: 0 }, 'dpop.maxAge'],
    [{ nonce: 'prefer' }, 'dpop.nonce'],
    [{ replay: 'none' }, 'dpop.replay'],
    [{ maxReplays: 0 }, 'dpop.maxReplays'],
    [{ origins: [] }, 'dpop.origins'],
    [{ origins: ['https://a.example', 'https://b.example/api'] }, 'dpop.origins[1]'],
    [{ origins: ['*'] }, 'dpop.origins[0]'],
    [{ pathPrefix: 'api' }, 'dpop.pathPrefix'],
    [{ pathPrefix: '/api/' }, 'dpop.pathPrefix'],
    [{ maxage: 1 }, 'dpop.maxage'],
  ])('%o throws ERR_OPTION with its path', (options, path) => {
    expect(() => createDpop(options as never)).toThrow(path)
  })
})

/** The example of RFC 9449, figure 2, as it stands there. */
const RFC_HEADER =
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19'
const RFC_CLAIMS =
  'eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ'
const RFC_SIGNATURE = '2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg'

function make(options: Parameters<typeof createDpop>[0] = {}): Dpop {
  return createDpop({ environment, ...options })
}
