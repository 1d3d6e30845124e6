import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createShop } from './api-keys/app.ts'

let directory: string
let shop: ReturnType<typeof createShop>
let server: Server
let origin: string
let cookie = ''

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-api-keys-'))
  shop = createShop(directory)
  server = createServer(shop.app)
  await once(server.listen(0), 'listening')
  origin = `http://localhost:${(server.address() as AddressInfo).port}`
  const login = await fetch(`${origin}/login`, { method: 'POST', headers: { origin }, redirect: 'manual' })
  cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? ''
})

afterAll(async () => {
  server.close().closeAllConnections()
  await shop.sessions.close()
  await shop.apiKeys.close()
  rmSync(directory, { recursive: true })
})

it('a user makes a key, a program uses it, and the user sees which one that was', async () => {
  const text = await asUser('POST', '/keys')
  const response = await orders(text)
  expect(await response.json()).toEqual({ orders: 'of ada', askedBy: 'reports' })
  const [key] = await keys()
  expect(text.startsWith(key?.hint ?? '?')).toBe(true)
  expect(await asUser('DELETE', `/keys/${key?.id}`, 204)).toBe('')
  expect((await orders(text)).status).toBe(401)
})

it('a key that is rotated goes on beside its successor', async () => {
  const old = await asUser('POST', '/keys')
  const [key] = await keys()
  const fresh = await asUser('POST', `/keys/${key?.id}/rotate`)
  for (const text of [old, fresh]) expect((await orders(text)).status).toBe(200)
  await asUser('POST', `/keys/${key?.id}/rotate`, 404)
})

it('API-05 a key opens nothing that is for people', async () => {
  const headers = { 'x-api-key': await asUser('POST', '/keys') }
  expect((await fetch(`${origin}/keys`, { headers })).status).toBe(401)
})

it('API-02 the guide’s expression finds keys, and nothing else in this project', async () => {
  const guide = readFileSync(new URL('../../../docs/guides/api-keys.md', import.meta.url), 'utf8')
  const pattern = /```regex\n(.+)\n```/.exec(guide)?.[1] ?? ''
  const text = await asUser('POST', '/keys')
  for (const place of [text, `KEY=${text}\n`, `"${text}"`, `x-api-key:${text}`]) {
    expect(new RegExp(pattern).exec(place)?.[0]).toBe(text)
  }
  for (const none of [text.slice(0, -1), `my${text}`, `${text}x`, text.replace('shop', 'store')]) {
    expect(new RegExp(pattern).test(none)).toBe(false)
  }
})

function orders(text: string): Promise<Response> {
  return fetch(`${origin}/api/orders`, { headers: { 'x-api-key': text } })
}

async function asUser(method: string, path: string, status = 200): Promise<string> {
  const response = await fetch(origin + path, { method, headers: { cookie, origin } })
  expect(response.status).toBe(status)
  return response.text()
}

async function keys(): Promise<{ readonly id: string; readonly hint: string }[]> {
  return JSON.parse(await asUser('GET', '/keys'))
}
