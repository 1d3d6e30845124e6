import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Shopper } from './browser/shopper.ts'
import { launchBrowser, openStage, type Stage } from './browser/stage.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

let stage: Stage
let browser: Browser
let context: BrowserContext
let page: Page
let shopper: Shopper

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  stage = await openStage()
  context = await browser.newContext()
  page = await context.newPage()
  shopper = new Shopper(page, stage.origin)
})
afterEach(async () => {
  await context.close()
  await stage.close()
})

describe('the life of a session in Chromium', () => {
  it('1 visit: looking around sets no cookie of any kind', async () => {
    for (const path of ['/', '/?q=umbrella', '/products/umbrella', '/cart', '/login', '/nowhere']) {
      await shopper.open(path)
    }
    expect(await context.cookies()).toEqual([])
  })

  it('2 cart: the first item brings the cookie, which only this host and no script gets', async () => {
    await shopper.addToCart('Brass coat peg')
    expect(await shopper.cookie()).toMatchObject({
      value: expect.stringMatching(/^[\w-]{68}$/),
      domain: 'localhost',
      path: '/',
      httpOnly: true,
      secure: true,
      sameSite: 'Lax',
    })
  })

  it('3 login: a new value, the old one is dead at once, and the cart comes along', async () => {
    await shopper.addToCart('Brass coat peg')
    const before = await shopper.token()
    await shopper.logIn()
    const after = await shopper.token()
    expect(after).toMatch(/^[\w-]{68}$/)
    expect(after).not.toBe(before)
    await shopper.open('/cart')
    expect(await page.textContent('table')).toContain('Brass coat peg')
    const thief = await shopper.asHolderOf(before, '/cart')
    expect(thief).toContain('Nothing in it yet')
    expect(thief).not.toContain('Log out')
  })

  it('4 pages: browsing with the session costs no Set-Cookie', async () => {
    await shopper.logIn()
    const token = await shopper.token()
    const set: (string | undefined)[] = []
    page.on('response', (response) => {
      if (response.request().resourceType() === 'document') set.push(response.headers()['set-cookie'])
    })
    for (const path of ['/', '/products/bell', '/account', '/devices', '/orders']) {
      stage.clock.advance(2 * MINUTE)
      await shopper.open(path)
      expect(await shopper.signedInAs()).toBe('alice')
    }
    expect(set).toEqual([undefined, undefined, undefined, undefined, undefined])
    expect(await shopper.token()).toBe(token)
  })

  it('4 pages: after a quarter of an hour the token rotates, and the session goes on', async () => {
    await shopper.logIn()
    const before = await shopper.token()
    stage.clock.advance(16 * MINUTE)
    await shopper.open('/account')
    expect(await shopper.token()).not.toBe(before)
    expect(await shopper.signedInAs()).toBe('alice')
  })

  it('5 preferences: kept in the session, and in the account beyond it', async () => {
    await shopper.logIn()
    await choosePreferences()
    await shopper.logOut()
    expect(await page.getAttribute('html', 'data-theme')).toBe('auto')
    await shopper.logIn()
    expect(await page.getAttribute('html', 'data-theme')).toBe('dark')
    await shopper.open('/products/bell')
    expect(await page.textContent('main')).toMatch(/£\d/)
  })

  it('6 logout: the cookie is gone, and the server refuses its old value', async () => {
    await shopper.logIn()
    const token = await shopper.token()
    await shopper.logOut()
    expect(await shopper.cookie()).toBeUndefined()
    for (const path of ['/', '/cart', '/account']) {
      expect(await shopper.asHolderOf(token, path)).not.toContain('Log out')
    }
    await shopper.plant(token)
    await shopper.open('/')
    expect(await shopper.signedInAs()).toBeNull()
  })

  it('7 EXP-01 expiry: half an hour without use ends a signed-in session, whatever the browser keeps', async () => {
    await shopper.logIn()
    const token = await shopper.token()
    stage.clock.advance(29 * MINUTE)
    await shopper.open('/')
    expect(await shopper.signedInAs()).toBe('alice')
    stage.clock.advance(32 * MINUTE)
    await shopper.open('/account')
    expect(new URL(page.url()).pathname).toBe('/login')
    expect(await shopper.asHolderOf(token, '/')).not.toContain('Log out')
  })

  it('7 EXP-02 expiry: twelve hours after the login it is over, however busy the session was', async () => {
    await shopper.logIn()
    for (let spent = 0; spent < 12 * HOUR - 20 * MINUTE; spent += 20 * MINUTE) {
      stage.clock.advance(20 * MINUTE)
      await shopper.open('/cart')
      expect(await shopper.signedInAs()).toBe('alice')
    }
    stage.clock.advance(20 * MINUTE)
    await shopper.open('/cart')
    expect(await shopper.signedInAs()).toBeNull()
  })
})

describe('scripts on the page', () => {
  it('P6 CK-01 neither document.cookie nor cookieStore sees the token', async () => {
    await shopper.addToCart('Brass coat peg')
    await shopper.logIn()
    const token = await shopper.token()
    const seen = await page.evaluate<string>(
      `cookieStore.getAll().then((all) => JSON.stringify([document.cookie, all, document.documentElement.outerHTML]))`,
    )
    expect(token).toHaveLength(68)
    expect(seen).not.toContain(token)
    expect(seen.slice(0, 30)).toContain('["",[],')
  })
})

async function choosePreferences(): Promise<void> {
  await shopper.open('/preferences')
  await page.getByLabel('Dark').check()
  await page.getByLabel('Pound sterling').check()
  await page.getByRole('button', { name: 'Keep these' }).click()
  expect(await page.getAttribute('html', 'data-theme')).toBe('dark')
}
