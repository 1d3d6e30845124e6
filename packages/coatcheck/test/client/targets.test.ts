import { describe, expect, it } from 'vitest'
import { createClient } from '../../src/client/index.ts'
import { isBelow, resolveBase } from '../../src/client/targets.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { Network, ORIGIN } from './network.ts'
import { openShop } from './shop.ts'

const base = resolveBase('https://shop.example/api')

describe('the targets of credentials', () => {
  it.each([
    'orders',
    'orders/7?from=//elsewhere.example#/../..',
    '/api/',
    '/api',
    'https://shop.example/api/orders',
    'https://shop.example:443/api/orders',
    'HTTPS://SHOP.EXAMPLE/api/x',
    '/x/../api/orders',
    'a%20b/%41',
  ])('are those below the base: %s', (target) => {
    expect(isBelow(base, new URL(target, base))).toBe(true)
  })

  it.each([
    'https://evil.example/api/orders',
    '//evil.example/api/orders',
    String.raw`\\evil.example\api\orders`,
    'https://shop.example.evil.example/api/',
    'https://shop.example@evil.example/api/',
    'https://user:secret@shop.example/api/',
    'http://shop.example/api/orders',
    'https://shop.example:8443/api/orders',
    'https://shop.example./api/orders',
    '/apiary',
    '/API/orders',
    '/other',
    '../other',
    '..',
    '%2e%2e/other',
    'x/..%2f..%2fother',
    '..%2Fother',
    '%2e%2e%2fother',
    '%252e%252e%252fother',
    '%2fevil.example',
    'x/..%5cother',
    '/api//evil.example/',
    '/api/..;/other',
    'data:text/plain,x',
    'blob:https://shop.example/api/1',
    'javascript:alert(1)',
  ])('CLI-03 are no others: %s', (target) => {
    expect(isBelow(base, new URL(target, base))).toBe(false)
  })

  it('must be below an address that can only be read in one way', () => {
    for (const bad of [
      '/api/',
      'ftp://shop.example/',
      'https://a:b@shop.example/',
      'https://shop.example/?x',
      '',
    ]) {
      expect(() => createClient({ baseUrl: bad, mode: 'cookie' }), bad).toThrow(TypeError)
    }
    expect(() => createClient({ baseUrl: ORIGIN, mode: 'cookie', statusPath: '//x.example/' })).toThrow(
      TypeError,
    )
    expect(() => createClient({ baseUrl: `${ORIGIN}/api/`, mode: 'bearer', tokenPath: '/token' })).toThrow(
      TypeError,
    )
    expect(() => createClient({ baseUrl: ORIGIN, mode: 'header' as 'cookie' })).toThrow(TypeError)
  })
})

describe('a request beyond the base', () => {
  it('CLI-03 goes out as it is, with no credential of either mode', async () => {
    const environment = new FakeEnvironment()
    const shop = openShop({ environment })
    const network = new Network(shop)
    const common = { fetch: network.fetch, environment }
    const cookie = createClient({ baseUrl: `${ORIGIN}/api/`, mode: 'cookie', ...common })
    const bearer = createClient({ baseUrl: `${ORIGIN}/bearer/`, mode: 'bearer', ...common })
    await cookie.fetch('login', { method: 'POST' })
    bearer.setTokens({ access_token: 'the-secret', token_type: 'Bearer', expires_in: 300 })
    for (const target of [
      'https://evil.example/api/x',
      '//evil.example/bearer/x',
      '/elsewhere',
      '..%2forders',
    ]) {
      for (const client of [cookie, bearer]) {
        await client.fetch(target, { method: 'POST', headers: { 'x-own': '1' } })
        await client.fetch(new Request(new URL(target, `${ORIGIN}/api/`), { method: 'PUT', body: 'x' }))
      }
    }
    const headers = [...network.foreign, ...shop.seen.filter(({ path }) => path.includes('else'))].map(
      (request) => [...request.headers.keys()].filter((name) => !/^(content-type|cookie|sec-)/.test(name)),
    )
    expect(new Set(headers.flat())).toEqual(new Set(['x-own']))
    expect(network.foreign.length).toBe(8)
  })

  it.each(['cookie', 'bearer'] as const)('CLI-03 is not where a redirect leads: %s', async (mode) => {
    const environment = new FakeEnvironment()
    const network = new Network(openShop({ environment }))
    const client = createClient({
      baseUrl: `${ORIGIN}/${mode === 'cookie' ? 'api' : 'bearer'}/`,
      mode: mode as 'bearer',
      fetch: network.fetch,
      environment,
    })
    if (mode === 'bearer') client.setTokens({ access_token: 'the-secret', token_type: 'Bearer' })
    else await client.fetch('login', { method: 'POST' })
    await expect(client.fetch('away', { method: 'POST', body: 'x' })).rejects.toThrow(/Redirected/)
    const seen = await client.fetch('away', { method: 'POST', redirect: 'manual' })
    expect(seen.status).toBe(307)
    expect(network.foreign).toEqual([])
  })
})
