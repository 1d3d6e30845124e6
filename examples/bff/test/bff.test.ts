import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Authority,
  openAuthority,
  type RunningServer,
  resolveSettings,
  startServer,
} from '@coatcheck/server'
import { createSessions, type Environment, type Sessions } from 'coatcheck'
import { sqlite } from 'coatcheck/sqlite'
import { customFetch } from 'openid-client'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createApp } from '../app.ts'
import { findProvider } from '../provider.ts'
import { createOrders } from './orders.ts'
import { Visitor } from './visitor.ts'

const API = 'https://orders.example'
const NAME = 'ada@example.com'
const PASSWORD = 'correct horse battery staple'

let directory: string
let authority: Authority
let issuer: RunningServer
let provider: string
let sessions: Sessions<object>
let app: Server
let orders: Server
let origin: string
let userId: string
let refreshes = 0
/** What application and provider said to each other at the token endpoint. */
const passed: string[] = []
/** How far the application's clock is ahead. */
let ahead = 0

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-bff-'))
  const [port, appPort] = [await freePort(), await freePort()]
  provider = `http://localhost:${port}`
  origin = `http://localhost:${appPort}`
  authority = await openProvider(port)
  issuer = await startServer(authority)
  const made = await authority.accounts.create({ name: NAME, password: PASSWORD })
  userId = made.ok ? made.account.id : ''
  const clientSecret = await register()
  orders = createOrders(provider, `${provider}/oauth/jwks`, API)
  await once(orders.listen(0, 'localhost'), 'listening')
  const apiUrl = `http://localhost:${(orders.address() as AddressInfo).port}/orders`
  sessions = createSessions<object>({ store: sqlite(join(directory, 'shop.db')), environment })
  const found = await findProvider(sessions, {
    issuer: provider,
    clientId: 'shop',
    clientSecret,
    origin,
    api: API,
  })
  found.config[customFetch] = async (url, init) => {
    if (String(init.body).includes('refresh_token')) refreshes++
    const answer = await fetch(url, init as RequestInit)
    if (url.endsWith('/oauth/token')) passed.push(String(init.body), await answer.clone().text())
    return answer
  }
  passed.push(clientSecret)
  app = createApp(sessions, found, { origin, api: API, apiUrl }).listen(appPort)
})

afterAll(async () => {
  for (const server of [app, orders]) server.close().closeAllConnections()
  await issuer.stop()
  await authority.close()
  await sessions.close()
  rmSync(directory, { recursive: true, force: true })
})

/** To the provider, whose login page asks for name and password where it does not know the browser, up to the callback. */
async function toCallback(visitor: Visitor, path = '/login') {
  const page = await visitor.follow(await visitor.visit(origin + path), `${origin}/callback`)
  if (page.next) return page.next
  const sent = await visitor.submit(page, { name: NAME, password: PASSWORD })
  const { next } = await visitor.follow(sent, `${origin}/callback`)
  if (!next) throw new Error('The provider did not send the browser back.')
  return next
}

async function signIn(visitor = new Visitor()) {
  await visitor.visit(await toCallback(visitor), undefined, 'cross-site')
  expect(await isSignedIn(visitor)).toBe(true)
  return visitor
}

const isSignedIn = async (visitor: Visitor) => (await visitor.visit(origin)).body.includes('Somebody')

describe('an application whose users sign in at @coatcheck/server', () => {
  it('signs in, returns to the page that was asked for, and calls the API with the user’s access token', async () => {
    const visitor = new Visitor()
    const callback = await toCallback(visitor, '/login?return=%2Fapi%2Forders')
    const back = await visitor.visit(callback, undefined, 'cross-site')
    expect([back.status, back.next?.href]).toEqual([303, `${origin}/api/orders`])
    const answer = await visitor.visit(`${origin}/api/orders`)
    expect(JSON.parse(answer.body)).toEqual({ of: userId, orders: ['hat'] })
  })

  it('the browser gets no token, neither from the application nor past it (RFC 10017)', async () => {
    const visitor = await signIn()
    await visitor.visit(`${origin}/api/orders`)
    const own = visitor.received.join('\n')
    // A JWT, whichever it is; what the provider's tokens look like; what a token response is made of.
    expect(own).not.toMatch(/eyJ[\w-]+\.eyJ|access_token|refresh_token|id_token"/)
    const names = visitor
      .jarOf(origin)
      .header.split('; ')
      .map((pair) => pair.split('=')[0])
    expect(names).toEqual(['__Host-sid'])
  })

  it('P6 a copy of both stores holds nothing of what the browser or the application could use', async () => {
    const visitor = await signIn()
    await visitor.visit(`${origin}/login`) // another one under way
    const cookies = [origin, provider].flatMap((each) => visitor.jarOf(each).header.split('; '))
    const secrets = [...passed, ...cookies].flatMap((text) => text.match(/[\w-]{32,}/g) ?? [])
    expect(secrets.length).toBeGreaterThan(15)
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(
      (file) => file.isFile() && /\.db(-wal)?$/.test(file.name),
    )
    expect(files.length).toBeGreaterThan(1)
    const copy = files.map((file) => readFileSync(join(file.parentPath, file.name), 'latin1')).join('')
    expect(secrets.filter((secret) => copy.includes(secret))).toEqual([])
    expect(copy).toContain(userId)
  })

  it('a visitor who is not signed in gets nothing from the API', async () => {
    expect((await new Visitor().visit(`${origin}/api/orders`)).status).toBe(401)
  })

  it('refreshes an access token that is about to lapse once for twenty requests', async () => {
    const visitor = await signIn()
    refreshes = 0
    ahead = 280_000 // of the 300 seconds that it lives, as the application sees it
    const ask = () => visitor.visit(`${origin}/api/orders`)
    const answers = await Promise.all(Array.from({ length: 20 }, ask))
    ahead = 0
    expect([new Set(answers.map(({ status }) => status)), refreshes]).toEqual([new Set([200]), 1])
  })

  it('SSO-01 refuses a callback in another browser, one that comes again, and codes that are swapped between tabs', async () => {
    const attacker = new Visitor()
    const theirs = await toCallback(attacker)
    const victim = new Visitor()
    expect((await victim.visit(theirs, undefined, 'cross-site')).status).toBe(400)
    expect(await isSignedIn(victim)).toBe(false)

    expect((await attacker.visit(theirs, undefined, 'cross-site')).status).toBe(303)
    expect((await attacker.visit(theirs, undefined, 'cross-site')).status).toBe(400)

    const tabs = new Visitor()
    const [one, two] = [await toCallback(tabs), await toCallback(tabs)]
    const swapped = new URL(one)
    swapped.searchParams.set('code', two.searchParams.get('code') ?? '')
    expect((await tabs.visit(swapped, undefined, 'cross-site')).status).toBe(400)
    expect(await isSignedIn(tabs)).toBe(false)
    // Two tabs that are left alone both come to their end.
    const [three, four] = [await toCallback(tabs), await toCallback(tabs)]
    for (const each of [four, three]) {
      expect((await tabs.visit(each, undefined, 'cross-site')).status).toBe(303)
    }
  })

  it('SSO-05 a logout here is one at the provider, whose page does not ask again', async () => {
    const visitor = await signIn()
    const sent = await visitor.submit(await visitor.visit(origin))
    expect(await isSignedIn(visitor)).toBe(false)
    const page = await visitor.follow(sent)
    expect(page.url.href).toBe(`${origin}/`)
    const again = await visitor.follow(await visitor.visit(`${origin}/login`))
    expect(again.body).toContain('type="password"')
  })

  it('SSO-04 a session that ends at the provider ends here, on every browser of that user alone', async () => {
    const [one, other] = [await signIn(), await signIn()]
    await authority.sessions.revokeUser(userId, { reason: 'revoked' })
    await vi.waitFor(
      async () => expect([await isSignedIn(one), await isSignedIn(other)]).toEqual([false, false]),
      {
        timeout: 10_000,
        interval: 100,
      },
    )
    expect(await isSignedIn(await signIn())).toBe(true)
  })

  it('SSO-06 stolen cookies of application and provider are worth nothing after the logout', async () => {
    const visitor = await signIn()
    const thief = new Visitor()
    for (const each of [origin, provider]) {
      for (const pair of visitor.jarOf(each).header.split('; ')) {
        const [name = '', value = ''] = pair.split(/=(.*)/s)
        thief.jarOf(each).set(name, value)
      }
    }
    expect(await isSignedIn(thief)).toBe(true)
    await visitor.follow(await visitor.submit(await visitor.visit(origin)))
    expect(await isSignedIn(thief)).toBe(false)
    const page = await thief.follow(await thief.visit(`${origin}/login`))
    expect(page.body).toContain('type="password"')
  })
})

const environment: Environment = {
  now: () => Date.now() + ahead,
  monotonic: () => performance.now(),
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  setTimer(delay, callback) {
    const timer = setTimeout(callback, delay).unref()
    return () => clearTimeout(timer)
  },
}

async function openProvider(port: number): Promise<Authority> {
  const written = {
    ...{ port: String(port), adminPort: '0', publicUrl: provider, logLevel: 'silent', shutdownTimeout: '0' },
    dataDirectory: join(directory, 'server'),
  }
  const given = Object.fromEntries(
    Object.entries(written).map(([name, text]) => [name, { text, source: 'flag' as const }]),
  )
  return openAuthority(resolveSettings(given).settings)
}

async function register(): Promise<string> {
  const added = await authority.oauth.clients.add({
    ...{ id: 'shop', name: 'The shop', kind: 'confidential', trusted: true, development: true },
    redirectUris: [`${origin}/callback`],
    postLogoutRedirectUris: [`${origin}/`],
    backchannelLogoutUri: `${origin}/back-channel-logout`,
    resources: { [API]: ['orders:read'] },
  })
  if (!added.ok) throw new Error(added.mistakes.join(' '))
  return added.secret ?? ''
}

/** Below those that the system hands out to connections, one of which could take it in between. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
