import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestShop, type TestShop } from './open-test-shop.ts'
import type { Visitor } from './visitor.ts'

const ATTACK = `"><script>alert(1)</script><img src=x onerror='alert(2)'>`
const PAGES = [
  '/',
  '/?category=care&q=moth',
  '/products/peg',
  '/cart',
  '/login',
  '/sign-up',
  '/preferences',
  '/checkout',
  '/checkout/review',
  '/orders',
  '/account',
  '/account/password',
  '/confirm',
  '/devices',
  '/nowhere',
] as const

let shop: TestShop
let alice: Visitor

beforeAll(async () => {
  shop = await openTestShop()
  alice = await shop.signedIn('alice')
  await alice.post('/cart', { sku: 'peg' })
})
afterAll(async () => {
  await shop.close()
  rmSync(shop.directory, { recursive: true, force: true })
})

describe('every page', () => {
  it.each(PAGES)('HDR-02 HDR-03 HDR-04 HDR-06 sends the security headers: %s', async (path) => {
    for (const visitor of [alice, shop.visitor()]) {
      const { headers } = await visitor.get(path)
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'self'")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).not.toContain('unsafe-')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
      expect(headers.get('x-powered-by')).toBeNull()
    }
  })

  it.each(PAGES)(
    'has a language, a title of its own, one first heading and no script or style in it: %s',
    async (path) => {
      const { body, location } = await alice.get(path)
      if (location !== null) return
      expect(body).toContain('<html lang="en" data-theme="auto">')
      expect(body).toMatch(/<title>[^<]+ · Superb Site<\/title>/)
      expect(body.match(/<h1[ >]/g)).toHaveLength(1)
      expect(body).not.toMatch(/<style|<script>| style=| on[a-z]+=/)
    },
  )

  it.each(PAGES)('TRN-06 that shows a signed-in user is kept by no shared cache: %s', async (path) => {
    const cacheControl = (await alice.get(path)).headers.get('cache-control') ?? ''
    expect(cacheControl).toMatch(/private|no-store/)
  })
})

describe('what somebody types', () => {
  it('HDR-08 is shown as text, in every field that is shown', async () => {
    const address = { recipient: ATTACK, street: ATTACK, postcode: '<i>1</i>', city: ATTACK, country: 'GB' }
    await alice.post('/checkout', address)
    const query = encodeURIComponent(ATTACK)
    const shown = [
      await alice.get('/checkout'),
      await alice.get('/checkout/review'),
      await alice.get(`/?q=${query}`),
      await alice.get(`/?category=${query}`),
      await alice.get(`/login?return=${query}`),
      await alice.get(`/confirm?return=${query}`),
      await alice.get(`/${query}`),
      await alice.post('/login', { name: ATTACK, password: ATTACK, return: ATTACK }),
      await alice.post('/sign-up', { name: ATTACK, password: ATTACK, return: ATTACK }),
      await alice.post('/confirm', { password: ATTACK, return: ATTACK }),
      await alice.post('/checkout', { ...address, country: ATTACK }),
    ]
    for (const { body } of shown) {
      expect(body).not.toMatch(/<script>alert|<img src=x|<i>1/)
    }
    expect(shown[1]?.body).toContain('&lt;script&gt;alert(1)')
  })

  it('is shown as text in an order, too', async () => {
    const page = (await alice.get('/checkout/review')).body
    const field = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? ''
    const { location } = await alice.post('/checkout/place', { cart: field('cart'), seen: field('seen') })
    const number = location?.split('/').at(-1) ?? ''
    for (const path of [location ?? '', `/orders/${number}`, '/orders']) {
      const { status, body } = await alice.get(path)
      expect(status).toBe(200)
      expect(body).not.toMatch(/<script>alert|<img src=x|<i>1/)
    }
  })
})

describe('bad input', () => {
  it.each([
    ['an unknown article', { sku: 'crown' }],
    ['a name from the prototype', { sku: '__proto__' }],
    ['a negative quantity', { sku: 'bell', quantity: '-1' }],
    ['none', { sku: 'bell', quantity: '0' }],
    ['a fraction', { sku: 'bell', quantity: '1.5' }],
    ['a hundred', { sku: 'bell', quantity: '100' }],
    ['another notation', { sku: 'bell', quantity: '1e1' }],
    ['words', { sku: 'bell', quantity: 'many' }],
  ])('puts nothing into the cart: %s', async (_name, form) => {
    const visitor = shop.visitor()
    expect((await visitor.post('/cart', form)).status).toBe(303)
    const { body } = await visitor.get('/cart')
    expect(body).toContain('notice bad')
    expect(body).toContain('Nothing in it yet')
  })

  it('never holds more than 99 of an article', async () => {
    const visitor = shop.visitor()
    await visitor.post('/cart', { sku: 'bell', quantity: '99' })
    await visitor.post('/cart', { sku: 'bell', quantity: '99' })
    expect((await visitor.get('/')).body).toContain('Cart (99)')
  })

  it.each(['/cart', '/login', '/sign-up', '/preferences', '/checkout', '/confirm', '/account/password'])(
    'of any shape leads to no server error: %s',
    async (path) => {
      // The confirmations that were wrong below have made the shop wait.
      shop.environment.advance(60_000)
      const visitor = await shop.signedIn('bob')
      const bodies = ['', 'name=a&name=b&sku=1&sku=2', 'name[x]=1&sku[]=1', '%', '=&=&=', 'a=1&'.repeat(900)]
      for (const body of bodies) expect((await visitor.postText(path, body)).status).toBeLessThan(500)
      const json = await visitor.postText(path, '{"sku":{"$gt":""}}', 'application/json')
      expect(json.status).toBeLessThan(500)
    },
  )

  it('that is huge is refused in plain words', async () => {
    const { status, body } = await shop.visitor().post('/cart', { sku: 'x'.repeat(20_000) })
    expect(status).toBe(413)
    expect(body).toContain('does not fit over the counter')
  })

  it.each([
    '/products/crown',
    '/orders/%00',
    '/orders/x',
    '/products/%E0%A4%A',
    '/nowhere',
    '/products/__proto__',
  ])('in the address is answered with a page: %s', async (path) => {
    const { status, body } = await alice.get(path)
    expect([400, 404]).toContain(status)
    expect(body).toContain('Back to the shop')
  })
})

describe('refusals', () => {
  it('CSRF-01 tells in plain words that a request of another site was refused', async () => {
    const { status, body } = await alice.post('/cart', { sku: 'bell' }, { origin: 'https://evil.example' })
    expect(status).toBe(403)
    expect(body).toContain('another site must not act in your name')
  })

  it('LIO-05 logs nobody in or out for another site, or by a link', async () => {
    shop.environment.advance(60_000)
    const bob = await shop.signedIn('bob')
    const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    expect((await bob.post('/logout', {}, evil)).status).toBe(403)
    expect((await bob.get('/logout')).status).toBe(404)
    expect((await bob.get('/')).body).toContain('Log out bob')
    const visitor = shop.visitor()
    const forged = await visitor.post('/login', { name: 'bob', password: 'coat-on-counter' }, evil)
    expect(forged.status).toBe(403)
    expect(visitor.token).toBeUndefined()
  })

  it.each(['cross-site', 'same-site'])(
    'LIO-05 counts the guesses of forms from another page (%s) apart, and opens no account for it',
    async (source) => {
      shop.environment.advance(60_000)
      const evil = { origin: 'http://localhost:1', 'sec-fetch-site': source }
      const statuses: number[] = []
      for (let guess = 0; guess < 7; guess++) {
        statuses.push((await shop.visitor().post('/login', { name: 'bob', password: 'x' }, evil)).status)
      }
      expect(statuses.at(-1)).toBe(429)
      const opened = { name: `mallory-${source}`, password: 'seven slow trombones' }
      const signUp = await shop.visitor().post('/sign-up', opened, evil)
      expect(signUp.status).toBe(403)
      expect(signUp.body).toContain('not sent from here')
      expect((await shop.visitor().post('/login', opened)).status).toBe(401)
      await shop.signedIn('bob')
    },
  )

  it('P10 says that the cloakroom is closed when the store fails, and signs nobody out', async () => {
    const own = await openTestShop()
    const bob = await own.signedIn('bob')
    const { token } = bob
    const database = new DatabaseSync(join(own.directory, 'sessions.db'))
    database.exec('DROP TABLE sessions')
    const { status, headers, body } = await bob.get('/')
    expect(status).toBe(503)
    expect(headers.get('retry-after')).toBe('5')
    expect(body).toContain('closed for a moment')
    expect(bob.token).toBe(token)
    database.close()
    await own.close()
    rmSync(own.directory, { recursive: true, force: true })
  })
})
