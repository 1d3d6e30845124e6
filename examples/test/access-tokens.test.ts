import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createOrders } from './access-tokens/orders.ts'
import { createShop, type Shop } from './access-tokens/shop.ts'
import { Visitor } from './visitor.ts'

let directory: string
let shop: Shop
let origin: string
let orders: Server
let visitor: Visitor

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-access-tokens-'))
  // The issuer is the shop's own address, which it has to know before it is made.
  const port = await freePort()
  origin = `http://localhost:${port}`
  shop = createShop(directory, origin)
  await once(shop.server.listen(port), 'listening')
  orders = createOrders(origin)
  await once(orders.listen(0), 'listening')
  visitor = new Visitor(origin)
})

afterAll(async () => {
  for (const server of [shop.server, orders]) server.close().closeAllConnections()
  await shop.sessions.close()
  rmSync(directory, { recursive: true })
})

it('a user’s access token opens the service that it is for, and the shop itself', async () => {
  const token = await signIn()
  expect(await ask(token)).toEqual({ status: 200, body: 'the orders of ada', challenge: null })
  expect(await whoAmI(token)).toBe(200)
})

it('a token that was changed, or is none, is refused', async () => {
  const token = await signIn()
  const [header, , signature] = token.split('.')
  const claims = Buffer.from(JSON.stringify({ sub: 'admin' })).toString('base64url')
  for (const bad of [`${header}.${claims}.${signature}`, 'x', '']) {
    expect(await ask(bad)).toEqual({ status: 401, body: '', challenge: 'Bearer error="invalid_token"' })
  }
})

it('JWT-14 after logout the shop refuses the token at once; the service, which asks nobody, until it lapses', async () => {
  const token = await signIn()
  await visitor.post('/logout')
  expect(await whoAmI(token)).toBe(401)
  expect(await ask(token)).toMatchObject({ status: 200 })
})

it('nobody gets a token without a session', async () => {
  const page = await new Visitor(origin).post('/token')
  expect(page.status).toBe(401)
})

it('P10 a service that cannot have the keys lets nobody in, and does not call the token bad', async () => {
  const gone = createOrders(`http://localhost:${await freePort()}`)
  await once(gone.listen(0), 'listening')
  expect(await ask(await signIn(), gone)).toEqual({ status: 503, body: '', challenge: null })
  gone.close().closeAllConnections()
})

it('JWT-15 the keys are published with cache headers, and the private ones stay in a file of their owner', async () => {
  const response = await fetch(`${origin}/jwks.json`)
  expect(response.headers.get('cache-control')).toBe('public, max-age=600, must-revalidate')
  const { keys } = (await response.json()) as { keys: readonly object[] }
  expect(keys).toHaveLength(2)
  expect(JSON.stringify(keys)).not.toContain('"d"')
  expect(readFileSync(join(directory, 'signing.keys'), 'utf8')).toContain('"d"')
})

async function signIn(): Promise<string> {
  expect((await visitor.post('/login')).status).toBe(204)
  return (await visitor.post('/token')).body
}

async function ask(token: string, server = orders) {
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://localhost:${port}/`, { headers: { authorization: `Bearer ${token}` } })
  return {
    status: response.status,
    body: await response.text(),
    challenge: response.headers.get('www-authenticate'),
  }
}

async function whoAmI(token: string): Promise<number> {
  return (await fetch(`${origin}/whoami`, { headers: { authorization: `Bearer ${token}` } })).status
}

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0), 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
