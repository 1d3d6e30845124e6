import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
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
import { createAccessTokenVerifier, createDpop } from 'coatcheck/tokens'
import type { Configuration } from 'openid-client'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findServer, resume, signIn, type Terms } from '../app.ts'
import { Visitor } from './visitor.ts'

const NAME = 'ada@example.com'
const PASSWORD = 'correct horse battery staple'

let directory: string
let authority: Authority
let running: RunningServer
let terms: Terms
let config: Configuration
let api: Server
let orders: URL
let userId: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-native-app-'))
  const issuer = `http://localhost:${await freePort()}`
  authority = await openServer(issuer)
  running = await startServer(authority)
  const made = await authority.accounts.create({ name: NAME, password: PASSWORD })
  userId = made.ok ? made.account.id : ''
  terms = { issuer, clientId: 'phone', api: 'https://orders.example', scope: 'orders:read' }
  const added = await authority.oauth.clients.add({
    ...{ id: 'phone', name: 'Orders for phones', kind: 'native', requireDpop: true },
    redirectUris: ['http://127.0.0.1/callback'],
    resources: { [terms.api]: [terms.scope] },
  })
  if (!added.ok) throw new Error(added.mistakes.join(' '))
  api = createOrders()
  await once(api.listen(0, 'localhost'), 'listening')
  orders = new URL(`http://localhost:${(api.address() as AddressInfo).port}/orders`)
  config = await findServer(terms)
})

afterAll(async () => {
  api.close().closeAllConnections()
  await running.stop()
  await authority.close()
  rmSync(directory, { recursive: true, force: true })
})

/** What the system's browser does with the user before it: signs in where it must, and allows what is asked for. */
async function browse(visitor: Visitor, url: URL): Promise<void> {
  const callback = 'http://127.0.0.1:'
  let page = await visitor.follow(await visitor.visit(url), callback)
  if (page.body.includes('type="password"')) {
    page = await visitor.follow(await visitor.submit(page, { name: NAME, password: PASSWORD }), callback)
  }
  page = await visitor.follow(await visitor.submit(page, { decision: 'allow' }), callback)
  if (!page.next) throw new Error(`The server did not send the browser back: ${page.body}`)
  expect((await visitor.visit(new URL('/favicon.ico', page.next))).status).toBe(404)
  expect((await visitor.visit(page.next)).body).toContain('go back to the app')
}

const enter = (visitor = new Visitor()) => signIn(config, terms, (url) => browse(visitor, url))

it('signs in by the browser, calls the API, and goes on after a restart with what the keychain has', async () => {
  const app = await enter()
  expect(await (await app.fetch(orders)).json()).toEqual({ of: userId, orders: ['hat'] })
  const later = await resume(config, terms, app.kept())
  expect((await later.fetch(orders)).status).toBe(200)
  expect(later.kept().refreshToken).not.toBe(app.kept().refreshToken)
})

it('somebody who is signed in in the browser is not asked for the password again, but for consent', async () => {
  const visitor = new Visitor()
  await enter(visitor)
  const before = visitor.received.join().split('type="password"').length
  await enter(visitor)
  expect(visitor.received.join().split('type="password"').length).toBe(before)
})

it('what is copied out of the app is worth nothing without its key', async () => {
  const app = await enter()
  const { refreshToken } = app.kept()
  const { keys } = (await enter()).kept()
  await expect(resume(config, terms, { refreshToken, keys })).rejects.toMatchObject({
    error: 'invalid_grant',
  })
  const [request] = await Promise.all([nextRequest(), app.fetch(orders)])
  const token = request.authorization?.split(' ')[1] ?? ''
  for (const headers of [
    { authorization: `Bearer ${token}` },
    { authorization: `DPoP ${token}` },
    { authorization: `DPoP ${token}`, dpop: request.dpop ?? '' }, // the very proof, seen on its way
  ]) {
    expect((await fetch(orders, { headers })).status).toBe(401)
  }
  expect((await app.fetch(orders)).status).toBe(200)
})

it('ends with a sign-out in the app, and with the end of offline access at the server', async () => {
  const [app, other] = [await enter(), await enter()]
  await app.signOut()
  await expect(resume(config, terms, app.kept())).rejects.toMatchObject({ error: 'invalid_grant' })
  const kept = (await resume(config, terms, other.kept())).kept()
  await authority.accounts.disable(userId)
  await expect(resume(config, terms, kept)).rejects.toMatchObject({ error: 'invalid_grant' })
  await authority.accounts.enable(userId)
})

const nextRequest = async () => {
  const [request] = await once(api, 'request')
  return request.headers as { readonly authorization?: string; readonly dpop?: string }
}

/** An API of somebody else's, which takes tokens of the server that come with a proof of their key. */
function createOrders(): Server {
  const dpop = createDpop()
  const { issuer } = terms
  const verifier = createAccessTokenVerifier({
    issuer,
    audience: terms.api,
    jwks: `${issuer}/oauth/jwks`,
  })
  return createServer(async ({ method = '', url = '', headers }, response) => {
    const address = `http://${headers.host}${url}`
    const presented = {
      method,
      url: address,
      authorization: headers.authorization ?? null,
      proof: headers.dpop ?? null,
    }
    const access = await dpop.authenticate(presented as Parameters<typeof dpop.authenticate>[0], verifier)
    if (!access.ok) return response.writeHead(401, access.headers as Record<string, string>).end()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ of: access.claims.sub, orders: ['hat'] }))
  })
}

async function openServer(publicUrl: string): Promise<Authority> {
  const written = {
    ...{ port: new URL(publicUrl).port, adminPort: '0', publicUrl, logLevel: 'silent', shutdownTimeout: '0' },
    dataDirectory: join(directory, 'server'),
  }
  const given = Object.fromEntries(
    Object.entries(written).map(([name, text]) => [name, { text, source: 'flag' as const }]),
  )
  return openAuthority(resolveSettings(given).settings)
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
