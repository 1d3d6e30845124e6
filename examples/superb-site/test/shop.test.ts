import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runShop, type ShopProcess, startShop, temporaryDirectory } from './shop-process.ts'
import { Visitor } from './visitor.ts'

const data = temporaryDirectory()
let shop: ShopProcess

beforeAll(async () => {
  shop = await startShop(data.path)
})
afterAll(async () => {
  await shop.interrupt()
  data.dispose()
})

describe('the shop', () => {
  it('sets no cookie for somebody who only looks around', async () => {
    const { status, setCookies } = await new Visitor(shop.origin).get('/')
    expect(status).toBe(200)
    expect(setCookies).toEqual([])
  })

  it('P5 brings the cart along under a new token at login, and the old token is dead', async () => {
    const visitor = new Visitor(shop.origin)
    await visitor.post('/cart', { sku: 'peg' })
    const before = visitor.token
    const login = await visitor.post('/login', { name: 'alice', password: 'peg-and-ticket', return: '/cart' })
    expect(login.location).toBe('/cart')
    expect(visitor.token).not.toBe(before)
    expect((await visitor.get('/cart')).body).toContain('Brass coat peg')
    const old = await new Visitor(shop.origin, before).get('/cart')
    expect(old.body).toContain('Nothing in it yet')
    expect(old.body).toContain('Log in')
  })

  it('answers a wrong password and an unknown name alike', async () => {
    const visitor = new Visitor(shop.origin)
    const wrong = await visitor.post('/login', { name: 'alice', password: 'no' })
    const unknown = await visitor.post('/login', { name: 'nobody', password: 'no' })
    expect([wrong.status, unknown.status]).toEqual([401, 401])
    expect(unknown.body.replace('nobody', 'alice')).toBe(wrong.body)
  })

  it('LIO-10 goes nowhere but to itself after login', async () => {
    const form = { name: 'alice', password: 'peg-and-ticket', return: 'https://evil.example/' }
    expect((await new Visitor(shop.origin).post('/login', form)).location).toBe('/')
  })

  it('LIO-01 refuses the old token after logout, on every page', async () => {
    const visitor = await signedIn('bob')
    const { token } = visitor
    await visitor.post('/logout')
    for (const path of ['/', '/cart', '/devices']) {
      const { body, status } = await new Visitor(shop.origin, token).get(path)
      expect(body).not.toContain('Log out bob')
      expect(status).toBe(path === '/devices' ? 303 : 200)
    }
  })

  it('CON-02 lists own devices and ends another one', async () => {
    const here = await signedIn('alice', {
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    })
    const there = await signedIn('alice', { 'user-agent': '<script>alert(1)</script>' })
    const page = (await here.get('/devices')).body
    expect(page).toContain('Firefox on Linux')
    expect(page).not.toContain('<script>')
    expect(page).not.toContain(there.token ?? '-')
    await here.post('/devices/end-others')
    expect((await there.get('/')).body).not.toContain('Log out')
    expect((await here.get('/')).body).toContain('Log out alice')
  })

  it("CON-05 does not end somebody else's session by its id", async () => {
    const bob = await signedIn('bob')
    const id = /Session ([\w-]{22})/.exec((await bob.get('/')).body)?.[1] ?? ''
    const alice = await signedIn('alice')
    await alice.post('/devices/end', { id })
    expect((await bob.get('/')).body).toContain('Log out bob')
  })

  it('CSRF-01 refuses what another site sends', async () => {
    const visitor = await signedIn('alice')
    const forged = await visitor.post('/cart', { sku: 'bell' }, { origin: 'https://evil.example' })
    expect(forged.status).toBe(403)
    expect((await visitor.get('/cart')).body).not.toContain('Counter bell')
  })

  it('answers bad forms without falling over', async () => {
    const visitor = new Visitor(shop.origin)
    expect((await visitor.post('/cart', { sku: '__proto__' })).status).toBe(303)
    expect((await visitor.post('/cart', { sku: 'x'.repeat(20_000) })).status).toBe(413)
    expect((await visitor.get('/nowhere')).status).toBe(404)
    expect((await visitor.get('/')).status).toBe(200)
  })
})

describe('starting and stopping', () => {
  it('keeps carts and sign-ins over a restart, and ends cleanly on Ctrl-C', async () => {
    const own = temporaryDirectory()
    const first = await startShop(own.path)
    const visitor = await signedIn('alice', {}, first)
    await visitor.post('/cart', { sku: 'scarf' })
    expect(await first.interrupt()).toMatchObject({ code: 0 })
    const second = await startShop(own.path)
    const { body } = await new Visitor(second.origin, visitor.token).get('/cart')
    expect(body).toContain('Log out alice')
    expect(body).toContain('Wool scarf')
    expect(await second.interrupt()).toMatchObject({ code: 0 })
    own.dispose()
  })

  it('prints its address, the demo accounts and what to try first; a password that was changed is not printed', async () => {
    const own = temporaryDirectory()
    const first = await startShop(own.path)
    const alice = await signedIn('alice', {}, first)
    await alice.post('/account/password', { password: 'nine quiet harpsichords' })
    const printed = (await first.interrupt()).output
    for (const text of ['alice / peg-and-ticket', 'bob / coat-on-counter', 'Try first', '/lab', 'panel']) {
      expect(printed).toContain(text)
    }
    const later = (await (await startShop(own.path)).interrupt()).output
    expect(later).toContain('alice, whose password has been changed')
    expect(later).not.toContain('peg-and-ticket')
    expect(later).toContain('bob / coat-on-counter')
    own.dispose()
  })

  it('says which port is busy, and what a port is', async () => {
    const busy = createServer().listen(0, 'localhost')
    await once(busy, 'listening')
    const port = String((busy.address() as AddressInfo).port)
    const taken = await runShop({ PORT: port, DATA_DIR: data.path })
    expect(taken).toMatchObject({ code: 1, output: expect.stringContaining(`Port ${port} is in use`) })
    busy.close()
    const wrong = await runShop({ PORT: '80a', DATA_DIR: data.path })
    expect(wrong).toMatchObject({ code: 1, output: expect.stringContaining('PORT must be a number') })
  })
})

async function signedIn(
  name: 'alice' | 'bob',
  headers: Record<string, string> = {},
  at: ShopProcess = shop,
): Promise<Visitor> {
  const password = name === 'alice' ? 'peg-and-ticket' : 'coat-on-counter'
  const visitor = new Visitor(at.origin)
  await visitor.post('/login', { name, password }, headers)
  return visitor
}
