import { describe, it } from 'vitest'
import { expectEqual, expectTrue } from '../../../src/store-testing/assertions.ts'
import { exchangeCase, readWho } from '../../../src/store-testing/exchanges/exchange-context.ts'
import type { Route } from '../../../src/store-testing/exchanges/harness.ts'
import { memory } from '../../../src/stores/memory.ts'
import { createDpop } from '../../../src/tokens/dpop/dpop.ts'
import { expressHarness } from '../../adapters/harness/express.ts'
import { fastifyHarness } from '../../adapters/harness/fastify.ts'
import { fetchHarness } from '../../adapters/harness/fetch.ts'
import { honoHarness } from '../../adapters/harness/hono.ts'
import { koaHarness } from '../../adapters/harness/koa.ts'
import { nextHarness } from '../../adapters/harness/next.ts'
import { nodeHarness } from '../../adapters/harness/node.ts'
import { ProofClient } from './client.ts'

const login: Route = {
  method: 'POST',
  path: '/bearer-login',
  async handle({ session, response }) {
    const { token } = await session.login('ann', { transport: 'bearer' })
    response.header('DPoP-Nonce', 'of the application')
    response.end(token ?? '')
  },
}

/** Another one in each case, since a proof verifier is for one application. */
const setup = () =>
  ({
    routes: () => [login],
    options: { transports: ['bearer', 'cookie'], dpop: createDpop({ nonce: 'require' }) },
  }) as const

const cases = () => [
  exchangeCase('DPOP-07 a nonce is asked for, used, and never sent twice', setup(), async (t) => {
    const holder = await ProofClient.create(t.environment)
    const [method, url] = ['POST', `${t.origin}/bearer-login`]
    const first = await t.client().post('/bearer-login', [['DPoP', await holder.proof({ method, url })]])
    const nonce = String(first.headers['dpop-nonce'])
    expectEqual(first.status, 401, 'the status without a nonce')
    expectTrue(/^[\w-]{32}$/.test(nonce), `a nonce, and one alone: ${nonce}`)
    expectEqual(
      first.headers['www-authenticate'],
      'DPoP error="use_dpop_nonce", algs="ES256 EdDSA Ed25519"',
      'the challenge',
    )
    expectTrue(first.headers['cache-control']?.includes('no-store') ?? false, 'no-store')
    const proof = await holder.proof({ method, url, nonce })
    const second = await t.client().post('/bearer-login', [['DPoP', proof]])
    expectEqual([second.status, second.body.length], [200, 68], 'the login with it')
    const who = `${t.origin}/who`
    const present = async (target: object) =>
      t.client().get('/who', [
        ['Authorization', `DPoP ${second.body}`],
        ['DPoP', await holder.proof({ url: who, accessToken: second.body, ...target })],
      ])
    expectEqual(readWho(await present({ nonce })).userId, 'ann', 'the user')
    expectEqual((await present({})).status, 401, 'a proof without a nonce')
    expectEqual((await present({ nonce, url: `${t.origin}/plain` })).status, 401, 'a proof for another URL')
    expectEqual((await present({ nonce, method: 'POST' })).status, 401, 'a proof for another method')
    t.environment.advance(120_000)
    const renewed = await present({ nonce })
    const next = String(renewed.headers['dpop-nonce'])
    expectTrue(/^[\w-]{32}$/.test(next) && next !== nonce, `a new nonce, and one alone: ${next}`)
    expectTrue(renewed.headers['cache-control']?.includes('no-store') ?? false, 'no-store with it')
    const late = await holder.proof({ method, url, nonce })
    const third = await t.client().post('/bearer-login', [['DPoP', late]])
    expectEqual(third.headers['dpop-nonce'], next, 'beside the one of the application')
  }),

  exchangeCase('DPOP-01 DPOP-05 two proofs, none, and the wrong scheme are refused', setup(), async (t) => {
    const holder = await ProofClient.create(t.environment)
    const [method, url] = ['POST', `${t.origin}/bearer-login`]
    const post = async (nonce?: string) =>
      t.client().post('/bearer-login', [['DPoP', await holder.proof({ method, url, nonce: nonce ?? null })]])
    const nonce = String((await post()).headers['dpop-nonce'])
    const token = (await post(nonce)).body
    const target = { url: `${t.origin}/who`, accessToken: token, nonce }
    const authorization = ['Authorization', `DPoP ${token}`] as const
    const proof = async () => ['DPoP', await holder.proof(target)] as const
    const client = t.client()
    expectEqual((await client.get('/who', [authorization])).status, 401, 'no proof')
    const two = await client.get('/who', [authorization, await proof(), await proof()])
    expectEqual(two.status, 401, 'two proofs')
    const plain = await client.get('/who', [['Authorization', `Bearer ${token}`], await proof()])
    expectEqual(readWho(plain).userId, null, 'as plain Bearer')
    const twice = await client.get('/who', [authorization, authorization, await proof()])
    expectEqual(twice.status, 400, 'two tokens')
    expectEqual(readWho(await client.get('/who', [authorization, await proof()])).userId, 'ann', 'the user')
  }),
]

describe.each([
  ['node:http', nodeHarness],
  ['Express', expressHarness],
  ['Fastify', fastifyHarness],
  ['Koa', koaHarness],
  ['Hono', honoHarness],
  ['fetch', fetchHarness],
  ['Next', nextHarness],
])('proofs through %s', (_, harness) => {
  it.each(cases().map((one) => [one.name, one] as const))('%s', (_, one) =>
    one.run(harness, () => ({ store: memory() })),
  )
})
