// First of all: it puts in place what Next's modules look for when they are loaded.
import 'next/dist/server/node-environment-baseline.js'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestSessions } from '../../src/testing/test-sessions.ts'
import { loginRequest } from '../helpers/nodes.ts'
import { createKeyNode } from '../tokens/api-keys/key-nodes.ts'
import { KEYED_APPS, type KeyedApp } from './harness/key-apps.ts'
import { type Answer, request } from './harness/key-client.ts'

describe.each(KEYED_APPS)('API keys on $name', (app) => {
  let shop: Awaited<ReturnType<typeof open>>

  beforeAll(async () => {
    shop = await open(app)
  })

  afterAll(() => shop.close())

  it.each(['x-api-key', 'authorization'])('let a key pass in %s, and mark the response', async (header) => {
    const { text } = await shop.create()
    const response = await shop.get('/orders', { [header]: header === 'x-api-key' ? text : `Bearer ${text}` })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ owner: 'ada' })
    expect(response.headers.get('cache-control')).toBe('private')
    expect(response.headers.get('vary')?.toLowerCase()).toContain('authorization, x-api-key')
  })

  it('leave the application’s own Cache-Control alone, and say what the response depends on', async () => {
    const response = await shop.get('/public', { 'x-api-key': (await shop.create()).text })
    expect(response.headers.get('cache-control')).toBe('public, max-age=5')
    expect(response.headers.get('vary')?.toLowerCase()).toContain('x-api-key')
  })

  it('API-03 answer 401 without a key, 401 for one that is none or over, 403 without the scope', async () => {
    const bare = await shop.get('/orders')
    await expectRefusal(bare, 401)
    expect(bare.headers.get('www-authenticate')).toBe('Bearer')
    const over = await shop.create({ expiresIn: 1_000 })
    const ended = await shop.create()
    await shop.apiKeys.revoke(ended.key.id)
    shop.environment.advance(1_000)
    const answers: (string | null)[] = []
    for (const text of [over.text, ended.text, 'x', `${ended.text}x`]) {
      const response = await shop.get('/orders', { 'x-api-key': text })
      expect(response.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
      answers.push(await expectRefusal(response, 401))
    }
    const narrow = await shop.create({ scopes: ['orders:write'] })
    const response = await shop.get('/orders', { 'x-api-key': narrow.text })
    await expectRefusal(response, 403)
    expect(response.headers.get('www-authenticate')).toBe(
      'Bearer error="insufficient_scope", scope="orders:read"',
    )
    expect(new Set(answers).size).toBe(1)
  })

  it('TRN-04 answer 400 to two keys, and to a key with a session beside it', async () => {
    const { text } = await shop.create()
    for (const extra of [{ authorization: `Bearer ${text}` }, { cookie: `${shop.cookie}=${shop.token}` }]) {
      for (const path of ['/orders', '/both']) {
        await expectRefusal(await shop.get(path, { 'x-api-key': text, ...extra }), 400)
      }
    }
    await expectRefusal(await shop.get('/me', { 'x-api-key': text, cookie: `sid=${shop.token}` }), 401)
    await expectRefusal(
      await shop.get('/me', { 'x-api-key': text, cookie: `${shop.cookie}=${shop.token}` }),
      400,
    )
  })

  it('API-03 TRN-03 ignore a key in the URL, and report it', async () => {
    const { text } = await shop.create()
    shop.events.clear()
    await expectRefusal(await shop.get(`/orders?api_key=${text}&x-api-key=${text}`), 401)
    expect(shop.events.names).toEqual(['token-in-url'])
  })

  it('TOK-06 take no session token for a key, and no key for a session token', async () => {
    const { text } = await shop.create()
    await expectRefusal(await shop.get('/orders', { 'x-api-key': shop.token }), 401)
    await expectRefusal(await shop.get('/orders', { authorization: `Bearer ${shop.token}` }), 401)
    await expectRefusal(await shop.get('/me', { authorization: `Bearer ${text}` }), 401)
    const pasted = await shop.get('/me', { cookie: `${shop.cookie}=${text}` })
    expect(pasted.status).toBe(401)
    // What is no token of ours is taken out of our cookie.
    expect(pasted.headers.getSetCookie().join()).toContain('Max-Age=0')
  })

  it('API-05 give neither a session nor a cookie nor a user’s rights', async () => {
    const { text } = await shop.create()
    for (const method of ['GET', 'POST', 'DELETE']) {
      const headers = { 'x-api-key': text, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
      const both = await shop.get('/both', headers, method)
      expect(both.status).toBe(200)
      expect(await both.json()).toMatchObject({ owner: 'ada', userId: null })
      const me = await shop.get('/me', headers, method)
      await expectRefusal(me, 401)
      for (const response of [both, me]) expect(response.headers.getSetCookie()).toEqual([])
    }
    // A cookie in the same browser is still protected.
    const forged = {
      cookie: `${shop.cookie}=${shop.token}`,
      'sec-fetch-site': 'cross-site',
      'x-api-key': 'x',
    }
    await expectRefusal(await shop.get('/me', forged, 'POST'), 403)
  })

  it('API-04 answer 429 with Retry-After to a burst, and 401 at once after a revocation', async () => {
    const { text, key } = await shop.create({ name: 'limited' })
    const statuses: number[] = []
    for (let i = 0; i < 6; i++) statuses.push((await shop.get('/orders', { 'x-api-key': text })).status)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429])
    const response = await shop.get('/orders', { 'x-api-key': text })
    await expectRefusal(response, 429)
    expect(response.headers.get('retry-after')).toBe('3')
    await shop.apiKeys.revoke(key.id)
    await expectRefusal(await shop.get('/orders', { 'x-api-key': text }), 401)
  })

  it('API-03 look at the client’s address, not at what it claims', async () => {
    if (!app.tellsAddress) return expectNoAddress()
    const elsewhere = await shop.create({ networks: ['10.0.0.0/8'] })
    const here = await shop.create({ networks: ['127.0.0.0/8', '::1'] })
    const forwarded = { 'x-forwarded-for': '10.1.1.1' }
    await expectRefusal(await shop.get('/orders', { 'x-api-key': elsewhere.text, ...forwarded }), 401)
    expect((await shop.get('/orders', { 'x-api-key': here.text })).status).toBe(200)
  })

  /** Without an address, a key that has networks is good from nowhere. */
  async function expectNoAddress() {
    const { text } = await shop.create({ networks: ['0.0.0.0/0', '::/0'] })
    const headers = { 'x-api-key': text, 'x-forwarded-for': '127.0.0.1' }
    await expectRefusal(await shop.get('/orders', headers), 401)
  }

  it('TRN-01 accept none over plain HTTP from another machine', async () => {
    const { text } = await shop.create()
    shop.events.clear()
    const response = await shop.get('/orders', { 'x-api-key': text, host: 'shop.example' })
    await expectRefusal(response, 401)
    expect(shop.events.of('token-refused').map(({ reason }) => reason)).toEqual(['insecure'])
  })

  it('P10 answer 503 while the store is down', async () => {
    const { text } = await shop.create()
    shop.store.fail('find', new Error('ECONNREFUSED'), { times: 1 })
    const response = await shop.get('/orders', { 'x-api-key': text })
    await expectRefusal(response, 503)
    expect(response.headers.get('retry-after')).toBe('5')
  })

  it('API-06 answer 429 to 1,000 guesses, tell of them once, and log none', async () => {
    const fresh = await open(app)
    const statuses = new Map<number, number>()
    for (let i = 0; i < 1_000; i++) {
      const { status } = await fresh.get('/orders', { 'x-api-key': `shop_${i}` })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    await fresh.close()
    expect([...statuses.keys()].sort()).toEqual([401, 429])
    expect(statuses.get(401)).toBe(app.tellsAddress ? 20 : 50)
    expect(fresh.events.names).toEqual(['keys-guessed'])
    fresh.events.assertNoTokens()
    expect(JSON.stringify(fresh.events.all)).not.toMatch(/shop_\d/)
  })
})

async function open(app: KeyedApp) {
  const node = createKeyNode({
    rateLimit: (key) => {
      if (key.name !== 'limited') return 0
      uses.set(key.id, (uses.get(key.id) ?? 0) + 1)
      return (uses.get(key.id) ?? 0) > 5 ? 2_500 : 0
    },
  })
  const uses = new Map<string, number>()
  const { sessions } = createTestSessions<object>()
  await sessions.open()
  const { token } = await sessions.manager.login(null, loginRequest('ada'))
  const { origin, close } = await app.start({ apiKeys: node.apiKeys, sessions })
  return {
    ...node,
    token,
    cookie: sessions.http.cookie.name,
    create: (options: object = {}) =>
      node.apiKeys.create({ owner: 'ada', scopes: ['orders:read'], ...options }),
    get: (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') =>
      request(`${origin}${path}`, method, headers),
    close: async () => {
      await close()
      await node.apiKeys.close()
      await sessions.close()
    },
  }
}

/** A problem document without a cookie that nobody keeps; its body, the code left out. */
async function expectRefusal(response: Answer, status: number): Promise<string> {
  expect({ status: response.status, at: response.text }).toMatchObject({ status })
  expect(response.headers.getSetCookie()).toEqual([])
  return response.text
}
