import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createSessions } from 'coatcheck'
import { withSession } from 'coatcheck/fetch'
import { sqlite } from 'coatcheck/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTestShop, type TestShop } from './open-test-shop.ts'
import type { Visitor } from './visitor.ts'

const ADDRESS = {
  recipient: 'Alice Peg',
  street: '1 Cloak Row',
  postcode: 'N1 1AA',
  city: 'London',
  country: 'GB',
}
let shop: TestShop

beforeEach(async () => {
  shop = await openTestShop()
})
afterEach(async () => {
  await shop.close()
  rmSync(shop.directory, { recursive: true, force: true })
})

describe('the checkout', () => {
  it('asks a visitor to log in and comes back with the cart', async () => {
    const visitor = shop.visitor()
    await visitor.post('/cart', { sku: 'peg', quantity: '2' })
    const asked = await visitor.get('/checkout')
    expect(asked.location).toBe('/login?return=%2Fcheckout')
    const login = { name: 'alice', password: 'peg-and-ticket', return: '/checkout' }
    expect((await visitor.post('/login', login)).location).toBe('/checkout')
    expect((await visitor.get('/checkout')).body).toContain('Where does it go?')
  })

  it('shows what is wrong with an address, field by field, and keeps what was typed', async () => {
    const alice = await shopping()
    const bad = { ...ADDRESS, street: '', postcode: '1'.repeat(17), country: 'XX', city: 'Bath\u0007' }
    const { status, body } = await alice.post('/checkout', bad)
    expect(status).toBe(422)
    for (const field of ['street', 'postcode', 'city', 'country'])
      expect(body).toContain(`id="${field}-problem"`)
    expect(body).not.toContain('id="recipient-problem"')
    expect(body).toContain('value="Alice Peg"')
    expect((await alice.get('/checkout/review')).location).toBe('/checkout')
  })

  it('places one order of ten presses of the button at once', async () => {
    const alice = await shopping()
    const form = await review(alice)
    const presses = Array.from({ length: 10 }, () => alice.post('/checkout/place', form))
    const places = (await Promise.all(presses)).map(({ location }) => location)
    expect(new Set(places).size).toBe(1)
    expect(places[0]).toMatch(/^\/checkout\/done\/[0-9A-Z]{4}-[0-9A-Z]{4}$/)
    expect(orderNumbers((await alice.get('/orders')).body)).toHaveLength(1)
    expect((await alice.get('/cart')).body).toContain('Nothing in it yet')
  })

  it('answers a late press with the order that there is, and leaves what is in the cart since', async () => {
    const alice = await shopping()
    const form = await review(alice)
    const first = await alice.post('/checkout/place', form)
    await alice.post('/cart', { sku: 'bell', quantity: '2' })
    const second = await alice.post('/checkout/place', form)
    expect(second.location).toBe(first.location)
    expect((await alice.get('/cart')).body).toContain('value="2"')
    expect(orderNumbers((await alice.get('/orders')).body)).toHaveLength(1)
  })

  it('P2 keeps what comes into the cart while the order is placed', async () => {
    const alice = await shopping()
    const form = await review(alice)
    const [placed] = await Promise.all([
      alice.post('/checkout/place', form),
      alice.post('/cart', { sku: 'gloves' }),
    ])
    const cart = (await alice.get('/cart')).body
    expect(cart).toContain('Evening gloves')
    // Either the order was first, or it was not placed since the cart had changed.
    expect(cart.includes('Counter bell')).toBe(placed.location === '/checkout/review')
  })

  it('orders nothing when the cart is no longer the one that was reviewed', async () => {
    const alice = await shopping()
    const form = await review(alice)
    await alice.post('/cart', { sku: 'lantern' })
    expect((await alice.post('/checkout/place', form)).location).toBe('/checkout/review')
    expect((await alice.get('/checkout/review')).body).toContain('Your cart has changed')
    expect(orderNumbers((await alice.get('/orders')).body)).toHaveLength(0)
  })

  it('orders nothing of a cart whose checkout has not begun, whatever the form says', async () => {
    const alice = await shopping()
    const { cart = '', seen = '' } = await review(alice)
    await alice.post('/checkout/place', { cart, seen })
    await alice.post('/cart', { sku: 'bell', quantity: '2' })
    const forged = { cart: '', seen: seen.replace(cart, '') }
    expect((await alice.post('/checkout/place', forged)).location).toBe('/checkout/review')
    expect(orderNumbers((await alice.get('/orders')).body)).toHaveLength(1)
  })

  it('P7 asks the store before money moves: a session that ends while the form is on its way orders nothing', async () => {
    const alice = await shopping()
    const form = await review(alice)
    const other = await shop.signedIn('alice')
    // The session is found valid with the headers; the body comes when it has ended.
    const { status, location } = await alice.postSlowly('/checkout/place', form, async () => {
      await other.post('/devices/end-others')
    })
    expect({ status, location }).toEqual({ status: 303, location: '/login?return=/checkout/review' })
    expect(orderNumbers((await other.get('/orders')).body)).toHaveLength(0)
  })

  it('keeps prices as they were, exactly, in the currency of the order', async () => {
    const alice = await shop.signedIn('alice')
    await alice.post('/preferences', { theme: 'auto', currency: 'USD' })
    await alice.post('/cart', { sku: 'peg', quantity: '7' })
    const done = await alice.post('/checkout/place', await review(alice))
    await alice.post('/preferences', { theme: 'auto', currency: 'EUR' })
    // 12.90 € is 13.93 $ (13.932), and seven of them 97.51 $.
    expect((await alice.get(done.location ?? '')).body).toContain('$97.51')
  })

  it("CON-05 answers somebody else's order like one that does not exist", async () => {
    const alice = await shopping()
    const { location } = await alice.post('/checkout/place', await review(alice))
    const number = location?.split('/').at(-1) ?? ''
    const bob = await shop.signedIn('bob')
    for (const path of [`/orders/${number}`, `/checkout/done/${number}`]) {
      expect((await alice.get(path)).status).toBe(200)
      const { status, body } = await bob.get(path)
      expect(status).toBe(404)
      expect(main(body)).toBe(main((await bob.get(path.replace(number, '0000-0000'))).body))
    }
    expect(main((await bob.get('/orders')).body)).not.toContain(number)
  })
})

describe('the cart', () => {
  it('of a session from before it was kept in another way comes along', async () => {
    const store = sqlite(join(shop.directory, 'sessions.db'))
    const { environment } = shop
    const older = createSessions<{ cart: { sku: string; quantity: number }[] }>({ store, environment })
    const { headers } = await withSession(older, new Request(`${shop.origin}/`), (session) => {
      for (const sku of ['peg', 'bell', 'peg']) session.append('cart', { sku, quantity: 1 })
      return new Response()
    })
    const token = /=([^;]+)/.exec(headers.get('set-cookie') ?? '')?.[1]
    const { body } = await shop.visitor(token).get('/cart')
    expect(body).toMatch(/value="2".*Counter bell/s)
    await older.close()
  })

  it('P2 counts each of ten clicks at once', async () => {
    const visitor = shop.visitor()
    await visitor.post('/cart', { sku: 'peg' })
    await Promise.all(Array.from({ length: 10 }, () => visitor.post('/cart', { sku: 'peg' })))
    expect((await visitor.get('/')).body).toContain('Cart (11)')
  })

  it('changes quantities and removes', async () => {
    const visitor = shop.visitor()
    await visitor.post('/cart', { sku: 'peg', quantity: '2' })
    await visitor.post('/cart/quantity', { sku: 'peg', quantity: '5' })
    await visitor.post('/cart', { sku: 'bell' })
    expect((await visitor.get('/')).body).toContain('Cart (6)')
    await visitor.post('/cart/quantity', { sku: 'bell', quantity: '0' })
    await visitor.post('/cart/remove', { sku: 'peg' })
    expect((await visitor.get('/cart')).body).toContain('Nothing in it yet')
  })

  it('waits for its owner over a logout, and of two carts keeps the larger number of each article', async () => {
    const alice = await shop.signedIn('alice')
    await alice.post('/cart', { sku: 'peg', quantity: '3' })
    await alice.post('/cart', { sku: 'bell' })
    await alice.post('/logout')
    expect((await alice.get('/cart')).body).toContain('Nothing in it yet')
    const elsewhere = shop.visitor()
    await elsewhere.post('/cart', { sku: 'peg', quantity: '1' })
    await elsewhere.post('/cart', { sku: 'scarf' })
    await elsewhere.post('/login', { name: 'alice', password: 'peg-and-ticket' })
    expect((await elsewhere.get('/')).body).toContain('Cart (5)')
    const third = await shop.signedIn('alice')
    expect((await third.get('/')).body).toContain('Cart (0)')
  })

  it("P5 brings nothing of one user's cart to another user", async () => {
    const visitor = await shop.signedIn('alice')
    await visitor.post('/cart', { sku: 'peg' })
    await visitor.post('/login', { name: 'bob', password: 'coat-on-counter' })
    expect((await visitor.get('/cart')).body).toContain('Nothing in it yet')
  })
})

/** Alice with something in the cart. */
async function shopping(): Promise<Visitor> {
  const alice = await shop.signedIn('alice')
  await alice.post('/cart', { sku: 'bell', quantity: '2' })
  return alice
}

/** Goes as far as the review, and answers what its form would send. */
async function review(visitor: Visitor): Promise<Record<string, string>> {
  await visitor.post('/checkout', ADDRESS)
  const { body } = await visitor.get('/checkout/review')
  return { cart: hiddenField(body, 'cart'), seen: hiddenField(body, 'seen') }
}

function hiddenField(body: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? ''
}

function main(body: string): string | undefined {
  return /<main.*<\/main>/s.exec(body)?.[0]
}

function orderNumbers(body: string): readonly string[] {
  return [...body.matchAll(/href="\/orders\/([\w-]+)"/g)].map(([, number]) => number ?? '')
}
