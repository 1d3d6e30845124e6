import { beforeEach, describe, expect, it } from 'vitest'
import {
  type BearerClient,
  type BearerClientOptions,
  createBearerClient,
  type SessionEnd,
  type TokenResponse,
} from '../../src/client/index.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { Network, ORIGIN } from './network.ts'
import { openShop, type Shop } from './shop.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

let environment: FakeEnvironment
let shop: Shop
let network: Network
let ends: SessionEnd[]

beforeEach(() => {
  environment = new FakeEnvironment()
  shop = openShop({ environment })
  network = new Network(shop)
  ends = []
})

describe('a client with tokens', () => {
  it('adds the access token, and replaces it shortly before its end', async () => {
    const client = await signedIn()
    expect((await client.fetch('orders')).status).toBe(200)
    environment.advance(4 * MINUTE)
    await client.fetch('orders')
    expect(refreshes()).toBe(0)
    environment.advance(MINUTE - 10_000)
    shop.seen.length = 0
    await client.fetch('orders')
    expect(said()).toEqual(['POST /bearer/token 200', 'GET /bearer/orders 200'])
  })

  it.each([-3 * HOUR, 3 * HOUR])('needs no right clock: the server’s own is %d ms away', async (shift) => {
    environment = new FakeEnvironment({ now: environment.now() + shift })
    shop = openShop({ environment })
    network = new Network(shop)
    const client = await signedIn()
    for (let i = 0; i < 10; i++) {
      environment.advance(2 * MINUTE)
      expect((await client.fetch('orders')).status).toBe(200)
    }
    expect([refreshes(), ends]).toEqual([3, []])
  })

  it('ends a sleep, during which its clock stood still, in one refresh and a repeated request', async () => {
    const client = await signedIn({ environment: new FakeEnvironment() })
    environment.advance(20 * MINUTE)
    shop.seen.length = 0
    const body = new Blob(['two'])
    const request = new Request(`${ORIGIN}/bearer/orders`, { method: 'POST', body: 'one' })
    const sent = [client.fetch(request), client.fetch('orders', { method: 'POST', body })]
    const answers = await Promise.all((await Promise.all(sent)).map((response) => response.json()))
    expect(answers).toMatchObject([{ body: 'one' }, { body: 'two' }])
    expect(refreshes()).toBe(1)
  })

  it('refreshes for a body that cannot be sent again, but does not repeat it', async () => {
    const client = await signedIn({ environment: new FakeEnvironment() })
    environment.advance(20 * MINUTE)
    const init = { method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' } as const
    expect((await client.fetch('orders', init)).status).toBe(401)
    expect(refreshes()).toBe(1)
    expect((await client.fetch('orders')).status).toBe(200)
  })

  it('refreshes once for any number of requests', async () => {
    const client = await signedIn()
    environment.advance(6 * MINUTE)
    const all = await Promise.all(Array.from({ length: 30 }, () => client.fetch('orders')))
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]))
    expect(refreshes()).toBe(1)
  })

  it('P3 RT-06 lives with others that refresh the same token at the same time, and share nothing', async () => {
    const client = await signedIn()
    const tokens = await logIn()
    const tabs = Array.from({ length: 5 }, () => open())
    for (const tab of tabs) tab.setTokens(tokens)
    for (let i = 0; i < 20; i++) {
      environment.advance(5 * MINUTE)
      const all = await Promise.all([client, ...tabs].map((tab) => tab.fetch('orders')))
      expect(all.map(({ status }) => status)).toEqual(Array(6).fill(200))
    }
    expect(ends).toEqual([])
  })

  it('goes on with the same refresh token where an answer was lost', async () => {
    const client = await signedIn()
    environment.advance(6 * MINUTE)
    let lost = 0
    const flaky = open({
      fetch: async (input, init) => {
        const response = await network.fetch(input, init)
        if (String(input).endsWith('/token') && lost++ === 0) throw new TypeError('Failed to fetch')
        return response
      },
    })
    flaky.setTokens(await logIn())
    environment.advance(6 * MINUTE)
    expect((await flaky.fetch('orders')).status).toBe(200)
    expect(lost).toBe(2)
    expect((await client.fetch('orders')).status).toBe(200)
    expect(ends).toEqual([])
  })

  it('tells once that the session has ended on the server', async () => {
    const client = await signedIn()
    await shop.sessions.revokeUser('ann')
    const all = await Promise.all([client.fetch('orders'), client.fetch('orders')])
    expect(all.map(({ status }) => status)).toEqual([401, 401])
    expect(ends).toEqual([{ reason: 'ended', elsewhere: false }])
    expect(client.isSignedIn).toBe(false)
    shop.seen.length = 0
    await client.fetch('orders')
    expect(shop.seen[0]?.headers.has('authorization')).toBe(false)
  })

  it('leaves a request alone that brings its own authorization', async () => {
    const client = await signedIn()
    const own = { headers: { authorization: 'Basic YTpi' } }
    expect((await client.fetch('orders', own)).status).toBe(401)
    expect(refreshes()).toBe(0)
  })

  it('counts the seconds down that the token endpoint tells, and ends by them', async () => {
    const client = await signedIn()
    expect(client.remaining?.absolute).toBe(43_200)
    await environment.advanceAndSettle(43_200_000)
    expect(ends).toEqual([{ reason: 'expired', elsewhere: false }])
    expect((await client.fetch('orders')).status).toBe(401)
    expect(shop.seen.at(-1)?.headers.has('authorization')).toBe(false)
  })

  it('takes nothing for tokens that is none', () => {
    const client = open()
    for (const wrong of [null, {}, { access_token: 'x' }, { error: 'invalid_grant' }]) {
      expect(() => client.setTokens(wrong as unknown as TokenResponse)).toThrow(TypeError)
    }
    expect(() => open({ tokenStorage: 'localStorage' as 'memory' })).toThrow(TypeError)
  })
})

describe('a logout with tokens', () => {
  it('ends the session here and on the server', async () => {
    const client = await signedIn()
    expect(await client.logout()).toBe(true)
    expect(ends).toEqual([{ reason: 'logout', elsewhere: false }])
    expect(await shop.sessions.list('ann')).toMatchObject({ sessions: [] })
    expect((await client.fetch('orders')).status).toBe(401)
  })

  it('CLI-02 forgets the tokens at once with the network cut', async () => {
    const client = await signedIn()
    network.isCut = true
    expect(await client.logout()).toBe(false)
    expect([ends.length, client.isSignedIn, client.remaining]).toEqual([1, false, null])
    network.isCut = false
    await client.fetch('orders')
    expect(shop.seen.at(-1)?.headers.has('authorization')).toBe(false)
  })

  it('is not undone by a refresh that was under way', async () => {
    let arrive = () => {}
    const held = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const client = await signedIn({
      fetch: async (input, init) => {
        const response = await network.fetch(input, init)
        if (String(input).endsWith('/token')) await held
        return response
      },
    })
    environment.advance(6 * MINUTE)
    const late = client.fetch('orders')
    await environment.settle()
    await client.logout()
    arrive()
    expect((await late).status).toBe(401)
    expect(client.isSignedIn).toBe(false)
  })
})

describe('on a server that renders', () => {
  it('the clients of two users in one process tell each other nothing', async () => {
    const [ann, bob] = [open({ share: true }), open({ share: true })]
    ann.setTokens(await logIn())
    expect([await bob.fetch('orders').then(({ status }) => status), bob.isSignedIn]).toEqual([401, null])
    expect((await ann.fetch('orders')).status).toBe(200)
  })
})

function open(options: Partial<BearerClientOptions> = {}): BearerClient {
  const { fetch } = network
  const client = createBearerClient({ baseUrl: `${ORIGIN}/bearer/`, fetch, environment, ...options })
  client.onEnd((end) => ends.push(end))
  return client
}

async function logIn(): Promise<TokenResponse> {
  return (await network.fetch(`${ORIGIN}/bearer/login`, { method: 'POST' })).json() as Promise<TokenResponse>
}

async function signedIn(options: Partial<BearerClientOptions> = {}): Promise<BearerClient> {
  const client = open(options)
  client.setTokens(await logIn())
  return client
}

function refreshes(): number {
  return shop.seen.filter(({ path }) => path === '/bearer/token').length
}

function said(): string[] {
  return shop.seen.map(({ method, path, status }) => `${method} ${path} ${status}`)
}
