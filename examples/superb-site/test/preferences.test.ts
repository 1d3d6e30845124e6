import { rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTestShop, type TestShop } from './open-test-shop.ts'

let shop: TestShop

beforeEach(async () => {
  shop = await openTestShop()
})
afterEach(async () => {
  await shop.close()
  rmSync(shop.directory, { recursive: true, force: true })
})

describe('preferences', () => {
  it('of a visitor stay in the session', async () => {
    const visitor = shop.visitor()
    expect((await visitor.get('/')).body).toContain('data-theme="auto"')
    await visitor.post('/preferences', { theme: 'dark', currency: 'GBP' })
    expect(shownAs((await visitor.get('/')).body)).toEqual({ theme: 'dark', peg: '£11.09' })
  })

  it('of a user survive a restart, a logout and a new device', async () => {
    const alice = await shop.signedIn('alice')
    await alice.post('/preferences', { theme: 'dark', currency: 'USD' })
    const { token } = alice
    await shop.close()
    shop = await openTestShop(shop.directory)
    expect(shownAs((await shop.visitor(token).get('/')).body)).toEqual({ theme: 'dark', peg: '$13.93' })
    await shop.visitor(token).post('/logout')
    const device = await shop.signedIn('alice')
    expect(shownAs((await device.get('/')).body)).toEqual({ theme: 'dark', peg: '$13.93' })
  })

  it('that a visitor chose come along to a new account, and give way to those of an old one', async () => {
    const visitor = shop.visitor()
    await visitor.post('/preferences', { theme: 'light', currency: 'GBP' })
    await visitor.post('/sign-up', { name: 'fern', password: 'eleven odd bassoons' })
    const elsewhere = shop.visitor()
    await elsewhere.post('/preferences', { theme: 'dark', currency: 'EUR' })
    await elsewhere.post('/login', { name: 'fern', password: 'eleven odd bassoons' })
    expect(shownAs((await elsewhere.get('/')).body)).toEqual({ theme: 'light', peg: '£11.09' })
  })

  it('must be among the choices', async () => {
    const visitor = shop.visitor()
    await visitor.post('/preferences', { theme: '"><script>', currency: 'EUR' })
    await visitor.post('/preferences', { theme: 'dark', currency: 'DOGE' })
    expect((await visitor.get('/')).body).toContain('data-theme="auto"')
  })
})

/** The page's theme, and what the first article costs on it. */
function shownAs(body: string): { theme: string | undefined; peg: string | undefined } {
  return {
    theme: /data-theme="(\w+)"/.exec(body)?.[1],
    peg: /<p class="price">([^<]+)</.exec(body)?.[1],
  }
}
