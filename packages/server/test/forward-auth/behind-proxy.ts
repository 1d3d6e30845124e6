import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { freePort } from '../../../coatcheck/test/helpers/redis-server.ts'
import type { Authority } from '../../src/authority.ts'
import { browse, CookieJar, send, sendRaw } from '../helpers/client.ts'
import { type Echo, startEchoApplication } from '../helpers/echo-application.ts'
import { hostileHeaders } from '../helpers/hostile-headers.ts'
import { signIn } from '../helpers/signed-in.ts'
import { startTestServer, temporaryDirectory, type Written } from '../helpers/test-server.ts'

/** What a proxy is started with: a directory for its files, and ports of its own, of the server and of the application. */
export interface ProxySite {
  readonly directory: string
  readonly port: number
  readonly server: number
  readonly application: number
  /** Whether to pass on the claim `email` and a token for `orders`. */
  readonly claims: boolean
}

export type StartProxy = (site: ProxySite) => Promise<void>

async function start(startProxy: StartProxy, written: Written = {}) {
  const [server, port] = [await freePort(), await freePort()]
  const publicUrl = `http://localhost:${server}`
  const site = `http://localhost:${port}`
  const { authority } = await startTestServer({ port: String(server), publicUrl, hosts: site, ...written })
  const application = await startEchoApplication()
  const claims = written.claims !== undefined
  await startProxy({ directory: temporaryDirectory(), port, server, application: application.port, claims })
  return { authority, publicUrl, site, port, requests: application.requests }
}

/** What must hold behind any proxy, with the files that the guide shows for it. */
export function describeProxy(name: string, startProxy: StartProxy): void {
  describe(`behind ${name}`, () => {
    it('sends visitors to the login page, tells programs 401, and lets neither through', async () => {
      const { publicUrl, site, requests } = await start(startProxy)
      const seen = await send(`${site}/a%20b?c=d`, {
        headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate' },
      })
      expect(seen.status).toBe(302)
      expect(seen.headers.location).toBe(
        `${publicUrl}/login?return_to=${encodeURIComponent(`${site}/a%20b?c=d`)}`,
      )
      for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        expect((await send(`${site}/`, { method })).status).toBe(401)
      }
      expect(requests).toEqual([])
    })

    it('passes every method with its body on, and who it is from', async () => {
      const { authority, site, requests } = await start(startProxy)
      const cookie = await signIn(authority)
      const body = Buffer.alloc(300_000, 'body ').toString()
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        const sent = method === 'GET' ? {} : { body }
        const answer = await send(`${site}/orders?x=1`, {
          method,
          ...sent,
          headers: { cookie, origin: site },
        })
        expect([method, answer.status]).toEqual([method, 200])
        const echo = requests.at(-1)
        expect([echo?.method, echo?.url, echo?.body.length]).toEqual([
          method,
          '/orders?x=1',
          method === 'GET' ? 0 : body.length,
        ])
        expect(namedLike(echo, 'x-auth-user')).toEqual(['ada'])
      }
      expect((await send(`${site}/`, { method: 'HEAD', headers: { cookie } })).status).toBe(200)
      expect((await send(`${site}/`, { method: 'OPTIONS', headers: { cookie } })).status).toBe(200)
    })

    it('lets nobody say who they are', async () => {
      const { authority, site, requests } = await start(startProxy)
      const cookie = await signIn(authority)
      const names = [
        'X-Auth-User',
        'x-auth-user',
        'X_Auth_User',
        'X-Auth_User',
        'x-AUTH-session',
        'X-Auth-Token',
      ]
      for (const header of names) {
        for (const value of ['mallory', '', ['mallory', 'mallory']]) {
          expect((await send(`${site}/`, { headers: { [header]: value } })).status).toBe(401)
          expect((await send(`${site}/`, { headers: { cookie, [header]: value } })).status).toBe(200)
          const echo = requests.at(-1)
          expect(namedLike(echo, 'x-auth-user')).toEqual(['ada'])
          expect(namedLike(echo, 'x-auth-session')).toHaveLength(1)
          expect(JSON.stringify(echo)).not.toContain('mallory')
        }
      }
      for (const connection of [
        'x-auth-user, X-Auth-Session',
        ['close', 'X-AUTH-USER'],
        'upgrade,x-auth-user',
      ]) {
        const hidden = await send(`${site}/`, { headers: { cookie, connection } })
        expect([hidden.status, namedLike(requests.at(-1), 'x-auth-user')]).toEqual([200, ['ada']])
      }
    })

    it('passes on claims and a token, and nobody else’s in place of those that a user does not have', async () => {
      const { authority, site, requests } = await start(startProxy, { claims: 'email' })
      const email = { email: 'ada@example.com, "x"' }
      const cookies = [await signIn(authority, { claims: email }), await signIn(authority, { userId: 'bob' })]
      const seen: unknown[] = []
      for (const cookie of cookies) {
        const lies = {
          'x-auth-email': 'root@example.com',
          'x-auth-token': 'made.up.token',
          x_auth_email: 'root@example.com',
        }
        expect((await send(site, { headers: { cookie, ...lies } })).status).toBe(200)
        const echo = requests.at(-1)
        const [token = ''] = namedLike(echo, 'x-auth-token')
        const { sub, aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
        seen.push([...namedLike(echo, 'x-auth-email').filter((value) => value !== ''), sub, aud])
      }
      expect(seen).toEqual([
        ['ada@example.com%2C %22x%22', 'ada', 'orders'],
        ['bob', 'orders'],
      ])
    })

    it('CSRF-06 lets no page of another site act for the user, whatever else it sends', async () => {
      const { authority, site, port, requests } = await start(startProxy)
      const cookie = await signIn(authority)
      const post = (headers: Record<string, string>) =>
        send(`${site}/`, { method: 'POST', body: 'x', headers: { cookie, ...headers } })
      for (const lie of [
        {},
        { 'x-forwarded-method': 'GET' },
        { 'x-original-method': 'GET' },
        { 'x-forwarded-host': 'evil.example', origin: 'http://evil.example' },
        { 'x-original-url': 'http://evil.example/' },
        { 'x-auth-options': 'outage=503' },
      ]) {
        expect((await post({ 'sec-fetch-site': 'cross-site', ...lie })).status).toBe(403)
        expect((await post({ origin: 'http://evil.example', ...lie })).status).toBe(403)
      }
      const raw = `POST / HTTP/1.1\r\nHost: localhost:${port}\r\nCookie: ${cookie}\r\nContent-Length: 0\r\n\r\n`
      expect(await sendRaw(port, raw)).toBe(403)
      expect(requests).toEqual([])
    })

    it('TRN-08 opens WebSockets for pages of its own alone, and says who they are from', async () => {
      const { authority, site } = await start(startProxy)
      const cookie = await signIn(authority)
      expect(await talk(site, { cookie, origin: site })).toEqual(['user ada', 'heard hello'])
      expect(await talk(site, { cookie, origin: 'http://evil.example' })).toBe(403)
      expect(await talk(site, { origin: site })).toBe(401)
    })

    it('answers hostile cookies and headers, and never with a fault', async () => {
      const { authority, port } = await start(startProxy)
      const [cookieName = '', token = ''] = (await signIn(authority)).split('=')
      const foreign = await otherKinds(authority)
      const faults: unknown[] = []
      for (const lines of hostileHeaders(cookieName, token, foreign)) {
        for (const method of ['GET', 'POST']) {
          const head = `${method} /page HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 0\r\n`
          const status = await sendRaw(port, `${head}${lines}\r\n\r\n`)
          if (status === 0 || status >= 500) faults.push([method, status, lines.slice(0, 80)])
        }
      }
      expect(faults).toEqual([])
      expect(
        (await send(`http://localhost:${port}/`, { headers: { cookie: `${cookieName}=${token}` } })).status,
      ).toBe(200)
    })

    it('LIO-01 is closed at the next request after a logout', async () => {
      const { authority, site } = await start(startProxy)
      const cookie = await signIn(authority)
      for (let i = 0; i < 5; i++) expect((await send(site, { headers: { cookie } })).status).toBe(200)
      await authority.sessions.revokeUser('ada')
      expect((await send(site, { headers: { cookie } })).status).toBe(401)
    })

    it('LIO-05 signs out by a button of the page itself', async () => {
      const { authority, site } = await start(startProxy)
      const headers = { cookie: await signIn(authority) }
      const at = `${site}/.coatcheck/logout?return_to=/bye`
      expect((await send(at, { headers })).status).toBe(404)
      expect(
        (await send(at, { method: 'POST', headers: { ...headers, origin: 'http://evil.example' } })).status,
      ).toBe(403)
      expect((await send(site, { headers })).status).toBe(200)
      const answer = await send(at, { method: 'POST', headers: { ...headers, origin: site } })
      expect([answer.status, answer.headers.location]).toEqual([303, '/bye'])
      expect((await send(site, { headers })).status).toBe(401)
    })

    it('P10 says 503 while the store is down', async () => {
      const { authority, site } = await start(startProxy)
      const headers = { cookie: await signIn(authority), accept: 'text/html' }
      await authority.sessions.close()
      expect((await send(site, { headers })).status).toBe(503)
    })

    it('CORS-06 hands users over to a host of its own cookies, and one logout ends all', async () => {
      const [server, port] = [await freePort(), await freePort()]
      const publicUrl = `http://accounts.localhost:${server}`
      const site = `http://localhost:${port}`
      const { authority } = await startTestServer({ port: String(server), publicUrl, hosts: site })
      const application = await startEchoApplication()
      const directory = temporaryDirectory()
      await startProxy({ directory, port, server, application: application.port, claims: false })
      const stranger = await browse(new CookieJar(), `${site}/orders?page=2`)
      expect(
        stranger.way.slice(0, 3).map((address) => new URL(address).origin + new URL(address).pathname),
      ).toEqual([`${site}/orders`, `${site}/.coatcheck/begin`, `${publicUrl}/.coatcheck/issue`])
      expect(new URL(stranger.way[3] ?? '').pathname).toBe('/login')
      const jar = new CookieJar()
      jar.store(publicUrl, [await signIn(authority, { claims: { email: 'ada@example.com' } })])
      const { answer, address } = await browse(jar, `${site}/orders?page=2`)
      expect([address, answer.status]).toEqual([`${site}/orders?page=2`, 200])
      expect(namedLike(application.requests.at(-1), 'x-auth-user')).toEqual(['ada'])
      expect(jar.header(site)).not.toContain('hand-off')
      const bye = await send(`${site}/.coatcheck/logout`, {
        method: 'POST',
        headers: { cookie: jar.header(site), origin: site },
      })
      expect(bye.status).toBe(303)
      expect((await authority.sessions.list('ada')).sessions).toEqual([])
      expect(new URL((await browse(jar, site)).way.at(-1) ?? '').pathname).toBe('/login')
    })
  })
}

/** The values of a header, in whatever spelling a server might take for it. */
function namedLike(echo: Echo | undefined, name: string): string[] {
  const { rawHeaders = [] } = echo ?? {}
  return rawHeaders.filter(
    (_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase().replaceAll('_', '-') === name,
  )
}

/** Credentials of ours that are no session of a user's. */
async function otherKinds(authority: Authority): Promise<string[]> {
  const { apiKeys, tokens, sessions } = authority
  await signIn(authority, { userId: 'bob' })
  const [session] = (await sessions.list('bob')).sessions
  if (!session) throw new Error('not signed in')
  const { accessToken } = await tokens.accessToken(session, { audience: 'orders' })
  const issued = await tokens.issue(session, { id: 'phone', audience: 'orders' })
  const { text: key } = await apiKeys.create({ owner: 'bob', scopes: [] })
  return [accessToken, issued.ok ? issued.refreshToken : '', key]
}

/** What a WebSocket hears, or the status that it was refused with. */
function talk(site: string, headers: Record<string, string>): Promise<string[] | number> {
  const address = site.replace('http:', 'ws:').replace('localhost', '127.0.0.1')
  const socket = new WebSocket(address, { headers: { ...headers, host: new URL(site).host } })
  onTestFinished(() => socket.terminate())
  return new Promise((resolve, reject) => {
    const heard: string[] = []
    socket.on('open', () => socket.send('hello'))
    socket.on('message', (data) => {
      heard.push(String(data))
      if (heard.length === 2) resolve(heard)
    })
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0))
    socket.on('error', reject)
  })
}
