import { describe, expect, it } from 'vitest'
import { APP, check, NAVIGATION, start } from '../helpers/sub-requests.ts'

const FOREIGN: readonly Record<string, string>[] = [
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { origin: 'https://evil.example' },
  { origin: 'null' },
  { origin: 'http://app.example.com' },
  { referer: 'https://evil.example/app.example.com' },
  {},
]

const OWN: readonly Record<string, string>[] = [
  { 'sec-fetch-site': 'same-origin' },
  { origin: APP },
  { referer: `${APP}/form` },
]

describe('CSRF of the request that the proxy got', () => {
  it('CSRF-06 refuses unsafe methods with the cookie from anywhere else', async () => {
    const server = await start()
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'get', 'PURGE']) {
      for (const headers of FOREIGN) {
        const answer = await check(server, {
          headers: { cookie: server.cookie, 'x-forwarded-method': method, ...headers },
        })
        expect([method, headers, answer.status, answer.headers['x-auth-error']]).toEqual([
          method,
          headers,
          403,
          'cross-site',
        ])
      }
    }
  })

  it('passes them from pages of that host, whatever the sub-request is', async () => {
    const server = await start()
    for (const headers of OWN) {
      const answer = await check(server, {
        headers: { cookie: server.cookie, 'x-forwarded-method': 'POST', ...headers },
      })
      expect([headers, answer.status]).toEqual([headers, 204])
    }
  })

  it('TRN-08 takes the opening of a WebSocket for as unsafe as a POST', async () => {
    const server = await start()
    const opening = { cookie: server.cookie, 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }
    const from = (origin: string) => check(server, { headers: { ...opening, origin } })
    expect((await from('https://evil.example')).status).toBe(403)
    expect((await from(APP)).status).toBe(204)
  })

  it('refuses sub-requests that do not say which method it was, or say two', async () => {
    const server = await start()
    const { cookie } = server
    const missing = await check(server, { headers: { cookie, 'x-forwarded-method': undefined } })
    const two = await check(server, { headers: { cookie, 'x-original-method': 'POST' } })
    for (const answer of [missing, two]) {
      expect(answer).toMatchObject({ status: 403, headers: { 'x-auth-error': 'original-request' } })
    }
  })

  it('understands X-Original-Method and X-Original-URL', async () => {
    const server = await start()
    const original = {
      ...{ 'x-forwarded-method': undefined, 'x-forwarded-uri': undefined, 'x-forwarded-host': undefined },
      'x-original-url': `${APP}/orders`,
      cookie: server.cookie,
    }
    const get = { ...original, 'x-original-method': 'GET' }
    const post = { ...original, 'x-original-method': 'POST', origin: 'https://evil.example' }
    expect((await check(server, { headers: get })).status).toBe(204)
    expect((await check(server, { headers: { ...post } })).status).toBe(403)
    expect((await check(server, { headers: { ...post, origin: APP } })).status).toBe(204)
  })

  it('takes method and path of the sub-request itself where they come behind the path, as Envoy sends them', async () => {
    const server = await start()
    const plain = { 'x-forwarded-method': undefined, 'x-forwarded-uri': undefined, cookie: server.cookie }
    const at = (method: string, headers: Record<string, string> = {}) =>
      check(server, { path: '/forward-auth/orders?redirect=1', method, headers: { ...plain, ...headers } })
    expect((await at('GET')).status).toBe(204)
    expect((await at('DELETE')).status).toBe(403)
    expect((await at('DELETE', { origin: APP })).status).toBe(204)
    const query = await at('GET', { cookie: '', accept: 'text/html' })
    expect(query.status).toBe(401)
    const asked = await at('GET', { cookie: '', accept: 'text/html', 'x-auth-options': 'redirect=1' })
    expect(asked).toMatchObject({ status: 302 })
    expect(asked.headers.location).toContain(encodeURIComponent(`${APP}/orders?redirect=1`))
  })
})

describe('trust in proxies', () => {
  it('answers 403 to a peer that is no proxy of ours, with a reason for whoever set it up', async () => {
    const server = await start({ trustProxy: '192.0.2.1' })
    const answer = await check(server, { headers: { cookie: server.cookie } })
    expect(answer).toMatchObject({ status: 403, headers: { 'x-auth-error': 'untrusted-proxy' } })
  })

  it('TRN-01 knows nobody over plain HTTP', async () => {
    const server = await start({ cookieDomain: 'example.com', hosts: APP })
    const answer = await check(server, { headers: { cookie: server.cookie, 'x-forwarded-proto': 'http' } })
    expect(answer).toMatchObject({ status: 403, headers: { 'x-auth-error': 'host' } })
  })

  it('CSRF-08 answers for no host but its own', async () => {
    const server = await start()
    for (const host of [
      'evil.example',
      'app.example.com.evil.example',
      'app.example.com:444',
      'app.example.com@evil',
      '',
      ' ',
    ]) {
      const answer = await check(server, {
        headers: { cookie: server.cookie, 'x-forwarded-host': host || undefined, host },
      })
      expect([host, answer.status]).toEqual([host, 403])
    }
    for (const host of ['APP.example.com', 'app.example.com:443', 'accounts.example.com']) {
      const answer = await check(server, { headers: { cookie: server.cookie, 'x-forwarded-host': host } })
      expect([host, answer.status]).toEqual([host, 204])
    }
  })

  it('guards none of its own paths, where a browser would go round for ever', async () => {
    const server = await start()
    const answer = await check(server, { headers: { 'x-forwarded-uri': '/.coatcheck/begin', ...NAVIGATION } })
    expect(answer).toMatchObject({ status: 403, headers: { 'x-auth-error': 'route' } })
  })
})
