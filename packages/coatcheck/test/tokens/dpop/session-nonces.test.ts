import { beforeEach, describe, expect, it } from 'vitest'
import { toProblem } from '../../../src/http/problem.ts'
import { openSession } from '../../../src/index.ts'
import { createDpop } from '../../../src/tokens/dpop/dpop.ts'
import { FakeResponse, fakeExchange } from '../../http/fake-exchange.ts'
import { BoundShop, type Presented } from './bound-sessions.ts'
import { ProofClient } from './client.ts'

let shop: BoundShop
let client: ProofClient

beforeEach(async () => {
  shop = new BoundShop({ dpop: createDpop({ nonce: 'require' }) })
  client = await ProofClient.create(shop.environment)
})

describe('sessions with nonces', () => {
  it('DPOP-07 tell a login and a request which nonce to use, and take it', async () => {
    const { token, nonce } = await login()
    const without = await shop.proven(client, token)
    expect(without.error).toMatchObject({ proofError: 'use_dpop_nonce', nonce })
    const { status, headers } = toProblem(without.error, shop.sessions.http)
    expect([status, headers['dpop-nonce'], headers['cache-control']]).toEqual([401, nonce, 'no-store'])
    expect(headers['www-authenticate']).toBe('DPoP error="use_dpop_nonce", algs="ES256 EdDSA Ed25519"')
    const answer = await request(token, nonce)
    expect(answer).toMatchObject({ userId: 'ann', error: null })
    expect(answer.response.get('dpop-nonce')).toBeUndefined()
    expect(shop.refusals()).toEqual([])
  })

  it('DPOP-07 renew it once in a response that nobody may store', async () => {
    const { token, nonce } = await login()
    shop.environment.advance(120_000)
    const response = new FakeResponse({ 'dpop-nonce': 'another', 'cache-control': 'public, max-age=60' })
    const proof = await client.proof({ accessToken: token, nonce })
    const headers = { authorization: `DPoP ${token}`, dpop: proof }
    const opened = await openSession(shop.sessions, fakeExchange({ response, headers }))
    await opened?.finish()
    const renewed = response.get('dpop-nonce')
    expect(renewed).toMatch(/^[\w-]{32}$/)
    expect(response.get('cache-control')).toBe('no-store')
    expect(await request(token, renewed ?? null)).toMatchObject({ userId: 'ann' })
  })

  it('DPOP-07 send one with whatever is refused on the way', async () => {
    const handler: Presented['handler'] = (session) => session.login('ann', { transport: 'bearer' })
    const { error, response } = await shop.request({ proof: await client.proof(), handler })
    expect(error).toMatchObject({ proofError: 'use_dpop_nonce' })
    expect([response.get('dpop-nonce'), response.get('cache-control')]).toEqual([error?.nonce, 'no-store'])
  })
})

describe('what proofs cost others', () => {
  it('nothing is awaited for cookies and unbound tokens that the near cache holds', async () => {
    shop = new BoundShop({ nearCache: true }, shop)
    const token = await shop.login(null)
    let cookie = ''
    await shop.request({
      handler: (session) => session.login('ann', { transport: 'cookie' }),
    })
    const signedIn = await shop.request({
      handler: (session) => session.login('bob', { transport: 'cookie' }),
    })
    cookie = signedIn.response.setCookies()[0]?.split(';')[0] ?? ''
    for (const headers of [{ authorization: `Bearer ${token}` }, { cookie }]) {
      await openSession(shop.sessions, fakeExchange({ headers }))
      const opened = openSession(shop.sessions, fakeExchange({ headers }))
      expect(opened).not.toBeInstanceOf(Promise)
    }
    const hits = shop.sessions.metrics().find(({ name }) => name === 'coatcheck.cache.hits')
    expect(hits?.samples[0]?.value).toBeGreaterThanOrEqual(2)
  })

  it('no signature is verified for a token that was never issued', async () => {
    let checks = 0
    const inner = createDpop()
    const dpop = {
      algorithms: inner.algorithms,
      attach: inner.attach.bind(inner),
      check: (...args: Parameters<typeof inner.check>) => {
        checks++
        return inner.check(...args)
      },
    }
    shop = new BoundShop({ dpop }, shop)
    const token = await shop.login(client)
    const before = checks
    const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    expect(await shop.proven(client, forged)).toMatchObject({ userId: null, error: null })
    expect([checks, shop.refusals()]).toEqual([before, ['forged']])
    expect(await shop.proven(client, token)).toMatchObject({ userId: 'ann' })
    expect(checks).toBe(before + 1)
  })

  it('DPOP-03 strangers cannot fill the memory of proofs', async () => {
    shop = new BoundShop({ dpop: createDpop({ maxReplays: 2 }) }, shop)
    const token = await shop.login(client)
    const stranger = await ProofClient.create(shop.environment)
    for (let i = 0; i < 5; i++) await shop.proven(stranger, token)
    const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    for (let i = 0; i < 5; i++) await shop.proven(stranger, forged)
    for (let i = 0; i < 5; i++) await shop.request({ proof: await stranger.proof() })
    expect(await shop.proven(client, token)).toMatchObject({ userId: 'ann' })
    expect((await shop.proven(client, token)).error).toMatchObject({ code: 'ERR_STORE_FULL' })
  })
})

async function login(): Promise<{ readonly token: string; readonly nonce: string | null }> {
  const refused = await shop.login(client).catch((error) => error)
  expect(refused).toMatchObject({ code: 'ERR_DPOP_PROOF', proofError: 'use_dpop_nonce' })
  const { nonce } = refused
  let token = ''
  const { error } = await shop.request({
    proof: await client.proof({ nonce }),
    handler: async (session) => {
      token = (await session.login('ann', { transport: 'bearer' })).token ?? ''
    },
  })
  expect(error).toBeNull()
  return { token, nonce }
}

async function request(token: string, nonce: string | null) {
  return shop.request({ token, proof: await client.proof({ accessToken: token, nonce }) })
}
