import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type CookieClientOptions,
  createCookieClient,
  type ExpiringSoon,
  type SessionEnd,
} from '../../src/client/index.ts'
import type { SessionStatus } from '../../src/index.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { Network, ORIGIN } from './network.ts'
import { openShop, type Shop } from './shop.ts'

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

describe('a client with a cookie', () => {
  it('CSRF-02 adds the token to unsafe requests, and asks for it once', async () => {
    const client = await signedIn()
    shop.seen.length = 0
    for (let i = 0; i < 3; i++) expect((await client.fetch('orders', { method: 'POST' })).status).toBe(200)
    await client.fetch('orders')
    expect(said()).toEqual([
      'GET /api/session 200',
      ...Array(3).fill('POST /api/orders 200'),
      'GET /api/orders 200',
    ])
    expect(shop.seen.map(({ headers }) => headers.has('x-csrf-token'))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ])
  })

  it('sends nothing of its own where the page has told all before', async () => {
    await signedIn()
    const initial = (await (await network.fetch(`${ORIGIN}/api/session`)).json()) as SessionStatus
    shop.seen.length = 0
    const client = open({ initial })
    expect([client.isSignedIn, client.remaining]).toEqual([true, { idle: 1801, absolute: 43_200 }])
    await client.fetch('orders', { method: 'POST' })
    expect(said()).toEqual(['POST /api/orders 200'])
  })

  it('gets another token and repeats where the session has become another one', async () => {
    const client = await signedIn()
    await client.fetch('orders', { method: 'POST' })
    await elsewhere(async (other) => {
      await other.fetch('logout', { method: 'POST' })
      await other.fetch('login', { method: 'POST' })
    })
    shop.seen.length = 0
    const response = await client.fetch(new Request(`${ORIGIN}/api/orders`, { method: 'POST', body: 'one' }))
    expect(response.status).toBe(200)
    expect(said()).toEqual(['POST /api/orders 403', 'GET /api/session 200', 'POST /api/orders 200'])
    expect(ends).toEqual([])
  })

  it('repeats no body that cannot be sent again', async () => {
    const client = await signedIn()
    await client.fetch('orders', { method: 'POST' })
    await elsewhere((other) => other.fetch('login', { method: 'POST' }))
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('one'))
        controller.close()
      },
    })
    const init = { method: 'POST', body, duplex: 'half' } as const
    expect((await client.fetch('orders', init)).status).toBe(403)
  })

  it('tells once that the session has ended, by a 401 or by what any response says', async () => {
    const client = await signedIn()
    await shop.sessions.revokeUser('ann')
    const both = await Promise.all([client.fetch('orders'), client.fetch('orders', { method: 'POST' })])
    expect(both.map(({ status }) => status)).toEqual([401, 401])
    expect(ends).toEqual([{ reason: 'ended', elsewhere: false }])
    expect([client.isSignedIn, client.remaining]).toEqual([false, null])
    await client.fetch('login', { method: 'POST' })
    expect(client.isSignedIn).toBe(true)
  })

  it('takes a 401 that is older than a login for none', async () => {
    const client = await signedIn()
    const cookie = network.jar.header
    await client.logout()
    ends.length = 0
    await client.fetch('login', { method: 'POST' })
    const late = open({
      fetch: async (input, init) => {
        // The first one left with the cookie from before.
        if (!shop.seen.some(({ path, status }) => path === '/api/orders' && status === 401)) {
          return shop.handle(new Request(input, { ...init, headers: { cookie } }))
        }
        return network.fetch(input, init)
      },
    })
    expect((await late.fetch('orders')).status).toBe(200)
    expect(ends).toEqual([])
  })

  it('takes a 401 that asks for a stronger proof for what it is', async () => {
    const client = await signedIn()
    await client.status()
    shop.seen.length = 0
    expect((await client.fetch('step-up', { method: 'POST' })).status).toBe(401)
    expect(said()).toEqual(['POST /api/step-up 401'])
    expect(ends).toEqual([])
  })

  it('is none for a visitor, whose wrong password is no end', async () => {
    const client = open()
    expect(client.isSignedIn).toBe(null)
    await client.fetch('orders', { method: 'POST' })
    expect([client.isSignedIn, ends]).toEqual([false, []])
  })
})

describe('a logout with a cookie', () => {
  it('ends the session here and on the server', async () => {
    const client = await signedIn()
    expect(await client.logout()).toBe(true)
    expect(ends).toEqual([{ reason: 'logout', elsewhere: false }])
    expect((await network.fetch(`${ORIGIN}/api/orders`)).status).toBe(401)
  })

  it('CLI-02 clears at once with the network cut, and reaches the server before anything else does', async () => {
    const client = await signedIn()
    network.isCut = true
    expect(await client.logout()).toBe(false)
    expect([ends.length, client.isSignedIn, client.remaining]).toEqual([1, false, null])
    await expect(client.fetch('orders')).rejects.toThrow(TypeError)
    network.isCut = false
    shop.seen.length = 0
    expect((await client.fetch('orders')).status).toBe(401)
    expect(said()[0]).toMatch(/^(POST \/api\/logout 200|GET \/api\/session 200)$/)
    expect(said()).toContain('POST /api/logout 200')
    expect(said().at(-1)).not.toContain('logout')
    expect([ends.length, client.isSignedIn]).toEqual([1, false])
  })
})

describe('CLI-02 a logout that is owed, in a browser with storage', () => {
  const storage: Record<string, unknown> = {}

  beforeEach(() => {
    vi.stubGlobal('location', new URL(ORIGIN))
    vi.stubGlobal('indexedDB', {})
    vi.stubGlobal('BroadcastChannel', undefined)
    vi.stubGlobal('localStorage', storage)
  })
  afterEach(() => vi.unstubAllGlobals())

  it('is paid by the page after a reload, before anything else, and tells of nobody', async () => {
    const client = await signedIn()
    network.isCut = true
    expect(await client.logout()).toBe(false)
    client.close()
    expect(Object.entries(storage)).toEqual([[`coatcheck cookie ${ORIGIN}/api/`, 1]])
    network.isCut = false
    const initial = { signedIn: true, id: 'x', idle: 60, absolute: 60 } as unknown as SessionStatus
    const reloaded = open({ initial })
    expect(reloaded.isSignedIn).toBe(false)
    expect((await reloaded.fetch('orders')).status).toBe(401)
    expect((await shop.sessions.list('ann')).sessions).toEqual([])
    expect([Object.keys(storage), reloaded.isSignedIn]).toEqual([[], false])
  })

  it('is paid by another tab before its user signs in there, and not again by the first', async () => {
    const [client, other] = [await signedIn(), open()]
    network.isCut = true
    await client.logout()
    network.isCut = false
    expect((await other.fetch('login', { method: 'POST' })).ok).toBe(true)
    shop.seen.length = 0
    expect((await client.fetch('orders')).status).toBe(200)
    expect(said()).toEqual(['GET /api/orders 200'])
  })
})

describe('the time that is left', () => {
  it('is what the server told, counted by the monotonic clock alone', async () => {
    const client = await signedIn()
    expect(client.remaining).toEqual({ idle: 1801, absolute: 43_200 })
    environment.stepWallClock(-3 * 3_600_000)
    expect(client.remaining).toEqual({ idle: 1801, absolute: 43_200 })
    environment.advance(60_000)
    expect(client.remaining).toEqual({ idle: 1741, absolute: 43_140 })
  })

  it('is told once when it gets short, after the server was asked, which is no activity', async () => {
    const client = await signedIn()
    const told: ExpiringSoon[] = []
    client.onExpiringSoon((soon) => told.push(soon), { within: 60 })
    await environment.advanceAndSettle(1_740_000)
    expect(told).toEqual([])
    shop.seen.length = 0
    await environment.advanceAndSettle(1_000)
    expect(told).toEqual([{ secondsLeft: 60, limit: 'idle' }])
    expect(said()).toEqual(['GET /api/session 200'])
    await environment.advanceAndSettle(59_000)
    expect([told.length, ends]).toEqual([1, []])
    await environment.advanceAndSettle(1_000)
    expect(ends).toEqual([{ reason: 'ended', elsewhere: false }])
  })

  it('is long again where another tab has used the session, and nobody is disturbed', async () => {
    const client = await signedIn()
    const told: ExpiringSoon[] = []
    client.onExpiringSoon((soon) => told.push(soon), { within: 60 })
    await environment.advanceAndSettle(1_700_000)
    await elsewhere((other) => other.fetch('orders'))
    await environment.advanceAndSettle(100_000)
    expect([told, ends]).toEqual([[], []])
    await client.fetch('orders')
    await environment.advanceAndSettle(1_745_000)
    expect(told.length).toBe(1)
    await client.fetch('orders')
    await environment.advanceAndSettle(1_745_000)
    expect(told.length).toBe(2)
  })

  it('CLI-02 runs out by its own count where the server cannot be reached', async () => {
    const client = await signedIn()
    const told: ExpiringSoon[] = []
    client.onExpiringSoon((soon) => told.push(soon))
    network.isCut = true
    await environment.advanceAndSettle(1_801_000)
    expect(told).toEqual([{ secondsLeft: 120, limit: 'idle' }])
    expect(ends).toEqual([{ reason: 'expired', elsewhere: false }])
    expect(client.isSignedIn).toBe(false)
  })

  it('of a machine that slept is set right by the first answer', async () => {
    // Its monotonic clock stood still.
    const asleep = new FakeEnvironment()
    const client = await signedIn({ environment: asleep })
    await environment.advanceAndSettle(1_900_000)
    expect(client.remaining?.idle).toBe(1801)
    expect((await client.fetch('orders')).status).toBe(401)
    expect(ends).toEqual([{ reason: 'ended', elsewhere: false }])
  })
})

function open(options: Partial<CookieClientOptions> = {}) {
  const { fetch } = network
  const client = createCookieClient({ baseUrl: `${ORIGIN}/api/`, fetch, environment, ...options })
  client.onEnd((end) => ends.push(end))
  return client
}

async function signedIn(options: Partial<CookieClientOptions> = {}) {
  const client = open(options)
  await client.fetch('login', { method: 'POST' })
  return client
}

/** In another tab of the same browser, which the client cannot hear. */
async function elsewhere(
  act: (other: ReturnType<typeof createCookieClient>) => Promise<unknown>,
): Promise<void> {
  await act(createCookieClient({ baseUrl: `${ORIGIN}/api/`, fetch: network.fetch, environment }))
}

function said(): string[] {
  return shop.seen.map(({ method, path, status }) => `${method} ${path} ${status}`)
}
