import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signIn } from './mobile/phone.ts'
import { createShop } from './mobile/shop.ts'

const ORIGIN = 'https://shop.example'
const ADA = { name: 'ada', password: 'analytical-engine' }

let directory: string
let shop: ReturnType<typeof createShop>
let asked: string[]

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-mobile-'))
  shop = createShop(directory, async (name, password) => (password === ADA.password ? `user ${name}` : null))
})

afterAll(async () => {
  await shop.sessions.close()
  rmSync(directory, { recursive: true })
})

it('the phone signs in once and is let in with what it got', async () => {
  const phone = await signInHere()
  const devices = await phone.fetch(`${ORIGIN}/devices`)
  expect(devices.status).toBe(200)
  expect(await devices.json()).toMatchObject([{ clientId: 'phone' }])
  expect(await signIn(ORIGIN, { ...ADA, password: 'wrong' }, ask)).toBeNull()
})

it('a refused access token is refreshed, and the request sent once more', async () => {
  const phone = await signInHere()
  const family = (await shop.tokens.list('user ada')).families[0]
  const first = (await (await phone.fetch(`${ORIGIN}/devices`)).json()) as { id: string }[]
  expect(first.map(({ id }) => id)).toContain(family?.id)
  asked = []
  // As if the token had lapsed: the shop refuses it once.
  refuseOnce = true
  expect((await phone.fetch(`${ORIGIN}/devices`)).status).toBe(200)
  expect(asked).toEqual(['GET /devices', 'POST /token', 'GET /devices'])
})

it('P9 logout on the phone, and ending the device elsewhere, leave nothing that works', async () => {
  const [one, other] = [await signInHere(), await signInHere()]
  await one.logout()
  expect((await one.fetch(`${ORIGIN}/devices`)).status).toBe(401)
  expect((await other.fetch(`${ORIGIN}/devices`)).status).toBe(200)
  await shop.sessions.revokeUser('user ada')
  expect((await other.fetch(`${ORIGIN}/devices`)).status).toBe(401)
})

let refuseOnce = false

async function ask(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const request = new Request(url, init)
  request.headers.set('user-agent', 'Phone app')
  const { pathname } = new URL(request.url)
  asked?.push(`${request.method} ${pathname}`)
  if (pathname === '/devices' && refuseOnce) {
    refuseOnce = false
    return new Response(null, { status: 401 })
  }
  return shop.handle(request)
}

async function signInHere() {
  const phone = await signIn(ORIGIN, ADA, ask)
  if (!phone) throw new Error('not signed in')
  return phone
}
