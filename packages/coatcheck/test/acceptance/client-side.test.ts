import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Client, cookieHeader } from './client.ts'
import { type Site, startSite } from './express-over-sqlite.ts'

let site: Site

beforeEach(async () => {
  site = await startSite({ nearCache: true })
})
afterEach(() => site.close())

describe('what the client holds', () => {
  it('CK-02 gets the token by Set-Cookie alone: no body and no other header of a journey has it', async () => {
    const client = new Client(site)
    const answers = [
      await client.post('/cart/peg'),
      await client.post('/login', { user: 'ada' }),
      await client.get('/me'),
      await client.post('/data', { theme: 'dark' }),
      await client.post('/cart/scarf', {}, { origin: 'https://evil.example' }),
      await client.get('/nowhere'),
      await client.post('/logout'),
    ]
    expect(client.tokens).toHaveLength(2)
    for (const { body, headers } of answers) {
      const others = [...headers].filter(([name]) => name !== 'set-cookie').flat()
      for (const token of client.tokens) expect([body, ...others].join('\n')).not.toContain(token)
    }
  })

  it('STO-02 changes nothing but by the token: other cookies, attributes, headers and clocks are not listened to', async () => {
    const client = new Client(site)
    await client.post('/login', { user: 'ada' })
    const before = await site.sessions.list('ada')
    const cookie = cookieHeader(client.token ?? '')
    for (const headers of [
      { cookie: `${cookie}; userId=eve; admin=1; expires=${'9'.repeat(13)}` },
      { cookie, date: 'Fri, 31 Dec 2100 23:59:59 GMT', 'x-user-id': 'eve', 'max-age': '999999999' },
      { cookie: `${cookie}; __Host-sid-expires=never; __Secure-sid=x` },
    ]) {
      expect(await new Client(site).me(headers)).toMatchObject({ userId: 'ada' })
    }
    const [was, is] = [before, await site.sessions.list('ada')].map(({ sessions }) =>
      sessions.map(({ id, userId, expiresAt, idleExpiresAt }) => ({ id, userId, expiresAt, idleExpiresAt })),
    )
    expect(is).toEqual(was)
    site.environment.advance(12 * 3_600_000)
    expect(await new Client(site).me({ cookie: `${cookie}; Max-Age=99999999` })).toMatchObject({
      userId: null,
    })
  })

  it('TRN-02 TRN-01 sent over plain HTTP to another host is neither accepted nor redirected', async () => {
    const client = new Client(site)
    await client.post('/login', { user: 'ada' })
    const events = site.events.length
    const { status, body } = await overPlainHttp('/me', client.token ?? '')
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ userId: null })
    expect(site.events.slice(events)).toMatchObject([{ name: 'token-refused', reason: 'insecure' }])
  })
})

/** As a proxy without TLS would ask for it: `fetch` does not let a caller choose the host. */
function overPlainHttp(path: string, token: string): Promise<{ status: number; body: string }> {
  const headers = { host: 'shop.example', cookie: cookieHeader(token) }
  return new Promise((resolve, reject) => {
    request(`${site.origin}${path}`, { headers }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
      .on('error', reject)
      .end()
  })
}
