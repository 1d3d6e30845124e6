import { describe, expect, it } from 'vitest'
import { APP, check, NAVIGATION, start } from '../helpers/sub-requests.ts'

describe('what a proxy can ask for', () => {
  it('STEP-01 wants a fresh proof, and says so', async () => {
    const server = await start()
    const headers = { cookie: server.cookie, ...NAVIGATION }
    expect((await check(server, { query: '?fresh=5m', headers })).status).toBe(204)
    server.environment.advance(6 * 60_000)
    const stale = await check(server, { query: '?fresh=5m', headers })
    expect(stale).toMatchObject({
      status: 401,
      headers: {
        'x-auth-error': 'step-up',
        'www-authenticate': 'Bearer error="insufficient_user_authentication", max_age="300"',
        'x-auth-location': `https://accounts.example.com/login?return_to=${encodeURIComponent(`${APP}/orders?page=2`)}&reauthenticate=1&fresh=300s`,
      },
    })
    expect((await check(server, { headers })).status).toBe(204)
  })

  it('wants one of several levels', async () => {
    const server = await start({}, { level: 'aal2' })
    const status = async (level: string) =>
      (await check(server, { query: `?level=${level}`, headers: { cookie: server.cookie } })).status
    expect([await status('aal2'), await status('aal3,aal2'), await status('aal3')]).toEqual([204, 204, 401])
  })

  it('sends browsers to the login page and back with redirect=1, and says where to otherwise', async () => {
    const server = await start({}, null)
    const location = `https://accounts.example.com/login?return_to=${encodeURIComponent(`${APP}/orders?page=2`)}`
    expect(await check(server, { query: '?redirect=1', headers: NAVIGATION })).toMatchObject({
      status: 302,
      headers: { location },
    })
    const told = await check(server, { headers: NAVIGATION })
    expect([told.status, told.headers['x-auth-location'], told.headers.location]).toEqual([
      401,
      location,
      undefined,
    ])
    for (const headers of [
      { ...NAVIGATION, 'x-forwarded-method': 'POST' },
      { 'sec-fetch-mode': 'cors', accept: 'text/html' },
      { accept: 'application/json' },
    ]) {
      const { status, headers: received } = await check(server, { query: '?redirect=1', headers })
      expect([status, received['x-auth-location']]).toEqual([401, undefined])
    }
  })

  it('LIO-10 sends nobody to another host, whatever the path', async () => {
    const server = await start({}, null)
    for (const path of [
      '//evil.example',
      '/\\evil',
      'https://evil.example/',
      '@evil.example',
      '/%0d%0aSet-Cookie:a',
      '/\u00e9?q=\u0000x'.replace('\u0000', ''),
      `/${'x'.repeat(4_000)}`,
    ]) {
      const { headers } = await check(server, { headers: { ...NAVIGATION, 'x-forwarded-uri': path } })
      const location = new URL(String(headers['x-auth-location']))
      expect(location.origin).toBe('https://accounts.example.com')
      expect(new URL(location.searchParams.get('return_to') ?? '').origin).toBe(APP)
    }
  })

  it('TRN-03 takes no token of a URL along', async () => {
    const server = await start()
    const [, token = ''] = server.cookie.split('=')
    const { headers } = await check(server, {
      headers: { ...NAVIGATION, 'x-forwarded-uri': `/a?sid=${token}` },
    })
    expect(String(headers['x-auth-location'])).not.toContain(token)
  })

  it('refuses what it does not understand rather than asking for less', async () => {
    const server = await start()
    for (const query of [
      'frehs=5m',
      'fresh=5',
      'fresh=',
      'fresh=5m&fresh=1d',
      'level=',
      'redirect=yes',
      'outage=500',
      'token=',
      '__proto__=1',
      'fresh=0s',
    ]) {
      const answer = await check(server, { query: `?${query}`, headers: { cookie: server.cookie } })
      expect([query, answer.status, answer.headers['x-auth-error']]).toEqual([query, 403, 'options'])
    }
  })
})
