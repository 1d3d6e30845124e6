import { beforeEach, describe, expect, it } from 'vitest'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import type { PresentedAccess } from '../../../src/tokens/dpop/access.ts'
import {
  createAccessTokenVerifier,
  createDpop,
  createKeyRing,
  ephemeralSigningKeys,
  signAccessToken,
} from '../../../src/tokens/index.ts'
import { ProofClient } from './client.ts'

const ISSUER = 'https://accounts.example'
const AUDIENCE = 'https://orders.example'
const URL_ = 'https://orders.example/orders'

const environment = new FakeEnvironment()
const ring = createKeyRing({ storage: ephemeralSigningKeys(), environment })
const verifier = createAccessTokenVerifier({
  issuer: ISSUER,
  audience: AUDIENCE,
  jwks: ring,
  environment,
})

let dpop: ReturnType<typeof createDpop>
let client: ProofClient
let thief: ProofClient

beforeEach(async () => {
  dpop = createDpop({ environment })
  client = await ProofClient.create(environment)
  thief = await ProofClient.create(environment)
})

describe('an access token with its proof', () => {
  it('DPOP-04 is accepted where both are of one key, and the proof of this token', async () => {
    const token = await tokenFor(client)
    expect(await present(token)).toEqual({
      ok: true,
      claims: expect.objectContaining({ sub: 'ann' }),
      jkt: client.jkt,
      headers: {},
    })
  })

  it('DPOP-04 is refused with a proof of another key, another token, or none', async () => {
    const token = await tokenFor(client)
    const other = await tokenFor(client)
    const proofs = [
      ['invalid_token', await thief.proof({ url: URL_, accessToken: token })],
      ['invalid_dpop_proof', await client.proof({ url: URL_, accessToken: other })],
      ['invalid_dpop_proof', await client.proof({ url: URL_ })],
      ['invalid_dpop_proof', undefined],
    ] as const
    for (const [error, proof] of proofs) {
      expect(await present(token, { proof })).toMatchObject({ ok: false, status: 401, error })
    }
  })

  it('DPOP-03 is refused the second time', async () => {
    const token = await tokenFor(client)
    const proof = await client.proof({ url: URL_, accessToken: token })
    expect(await present(token, { proof })).toMatchObject({ ok: true })
    expect(await present(token, { proof })).toMatchObject({ error: 'invalid_dpop_proof' })
  })

  it('DPOP-05 is refused as plain Bearer, with its proof or without', async () => {
    const token = await tokenFor(client)
    for (const proof of [undefined, await client.proof({ url: URL_, accessToken: token })]) {
      const answer = await present(token, { proof, authorization: `Bearer ${token}` })
      expect(answer).toMatchObject({ ok: false, error: 'invalid_token' })
    }
  })

  it('DPOP-05 one that is bound to no key is refused under the scheme DPoP, and accepted as Bearer', async () => {
    const token = await tokenFor(null)
    expect(await present(token)).toMatchObject({ ok: false, error: 'invalid_token' })
    const plain = { authorization: `Bearer ${token}`, proof: undefined }
    expect(await present(token, plain)).toMatchObject({ ok: true, jkt: null })
    expect(await present(token, { ...plain, binding: 'require' })).toMatchObject({ error: 'invalid_token' })
  })

  it('DPOP-04 one that is bound in another way is good for nobody', async () => {
    const token = await tokenWith({ 'x5t#S256': client.jkt })
    expect(await present(token, { authorization: `Bearer ${token}` })).toMatchObject({ ok: false })
    expect(await present(token)).toMatchObject({ ok: false })
  })

  it('DPOP-07 is told which nonce to use, and given a new one in time', async () => {
    const key = Buffer.from(environment.randomBytes(32)).toString('base64url')
    const { keyRing } = await import('../../../src/index.ts')
    dpop = createDpop({ environment, nonce: 'require', keys: keyRing([{ slot: 0, state: 'current', key }]) })
    const token = await tokenFor(client)
    const first = await present(token)
    expect(first).toMatchObject({ error: 'use_dpop_nonce', headers: { 'cache-control': 'no-store' } })
    const nonce = first.headers['dpop-nonce'] ?? ''
    const again = async () =>
      present(token, { proof: await client.proof({ url: URL_, accessToken: token, nonce }) })
    expect(await again()).toMatchObject({ ok: true, headers: {} })
    environment.advance(120_000)
    expect(await again()).toMatchObject({ ok: true, headers: { 'dpop-nonce': expect.any(String) } })
  })

  it('DPOP-09 a refusal names the schemes, the algorithms and the error', async () => {
    const challenges = [
      await present('', { authorization: undefined }),
      await present('a.b.c'),
      await present(await tokenFor(client), { proof: 'junk' }),
      await present('', { authorization: undefined, binding: 'require' }),
    ].map(({ headers }) => headers['www-authenticate'])
    const algs = 'algs="ES256 EdDSA Ed25519"'
    expect(challenges).toEqual([
      `DPoP ${algs}, Bearer`,
      `DPoP error="invalid_token", ${algs}, Bearer`,
      `DPoP error="invalid_dpop_proof", ${algs}`,
      `DPoP ${algs}`,
    ])
  })

  it.each(['Basic YTpi', 'DPoP', 'DPoP a b', 'DPoP a, Bearer b', 'DPoPx a', ''])(
    'is none where Authorization is %j',
    async (authorization) => {
      expect(await present('', { authorization })).toMatchObject({ error: 'missing_token' })
    },
  )
})

async function tokenFor(holder: ProofClient | null): Promise<string> {
  return tokenWith(holder ? { jkt: holder.jkt } : null)
}

async function tokenWith(cnf: Readonly<Record<string, string>> | null): Promise<string> {
  const content = { subject: 'ann', audience: AUDIENCE, clientId: 'app', ...(cnf && { cnf }) }
  const { token } = await signAccessToken({ issuer: ISSUER, ring, environment }, content)
  return token
}

async function present(token: string, more: Partial<PresentedAccess> = {}) {
  const proof = await client.proof({ url: URL_, accessToken: token })
  const request = { method: 'GET', url: URL_, authorization: `DPoP ${token}`, proof, ...more }
  return dpop.authenticate(request, verifier)
}
