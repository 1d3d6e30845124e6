import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ALICE, Shopper } from './browser/shopper.ts'
import { launchBrowser, openStage, type Stage } from './browser/stage.ts'

const BOB = { name: 'bob', password: 'coat-on-counter' }

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
  return async () => {
    await context.close()
    await stage.close()
  }
})

describe('back and forward', () => {
  it('go through a login and come back, with the session of now', async () => {
    await shopper.addToCart('Counter bell')
    await shopper.open('/cart')
    await shopper.logIn()
    await shopper.open('/account')
    await page.goBack()
    await page.goBack()
    expect(new URL(page.url()).pathname).toBe('/login')
    await page.goForward()
    await page.goForward()
    expect(new URL(page.url()).pathname).toBe('/account')
    expect(await shopper.signedInAs()).toBe('alice')
    await shopper.open('/cart')
    expect(await page.textContent('table')).toContain('Counter bell')
  })

  it('show nothing of the account after a logout', async () => {
    await shopper.logIn()
    await shopper.open('/account')
    await shopper.open('/devices')
    await shopper.logOut()
    await page.goBack()
    expect(await page.textContent('body')).not.toContain('alice')
    await page.goBack()
    expect(await page.textContent('body')).not.toContain('alice')
  })
})

describe('two tabs of one browser', () => {
  it('P2 P5 log in at once: one cookie, one live session, and nothing of the cart is lost or doubled', async () => {
    await shopper.addToCart('Counter bell')
    const before = await shopper.token()
    const other = new Shopper(await context.newPage(), stage.origin)
    await Promise.all([shopper.logIn(), other.logIn()])
    for (const tab of [shopper, other]) {
      await tab.open('/cart')
      expect(await tab.signedInAs()).toBe('alice')
      expect(await tab.page.getByRole('spinbutton', { name: 'Quantity of Counter bell' }).inputValue()).toBe(
        '1',
      )
    }
    expect(await shopper.asHolderOf(before, '/')).not.toContain('Log out')
  })

  it('log in as two users at once: both tabs then are the one whose cookie came last, and the other is not half of each', async () => {
    const other = new Shopper(await context.newPage(), stage.origin)
    await Promise.all([shopper.sendLogin(ALICE), other.sendLogin(BOB)])
    await shopper.open('/account')
    await other.open('/account')
    const name = await shopper.signedInAs()
    expect(['alice', 'bob']).toContain(name)
    expect(await other.signedInAs()).toBe(name)
    expect(await page.textContent('main')).toContain(`You are signed in as ${name}`)
  })

  it('LIO-01 log out in one, and the other is logged out with its next step', async () => {
    await shopper.logIn()
    const other = new Shopper(await context.newPage(), stage.origin)
    await other.open('/devices')
    await shopper.logOut()
    await other.press('Log out all others')
    expect(await other.signedInAs()).toBeNull()
    await other.open('/devices')
    expect(new URL(other.page.url()).pathname).toBe('/login')
  })

  it('P3 load pages at once at the moment of rotation: both stay signed in', async () => {
    await shopper.logIn()
    const other = new Shopper(await context.newPage(), stage.origin)
    const third = await context.newPage()
    await third.goto(stage.origin)
    for (let round = 0; round < 3; round++) {
      stage.clock.advance(16 * 60_000)
      await Promise.all([shopper.open('/account'), other.open('/orders'), fetchAll(third)])
      expect(await shopper.signedInAs()).toBe('alice')
      expect(await other.signedInAs()).toBe('alice')
    }
  })
})

describe('another browser of the same user', () => {
  it('CON-02 is ended from the list of devices, and is out with its next request', async () => {
    await shopper.logIn()
    const elsewhere = await browser.newContext()
    const other = new Shopper(await elsewhere.newPage(), stage.origin)
    await other.logIn()
    await shopper.open('/devices')
    await shopper.press('Log out all others')
    await other.open('/account')
    expect(new URL(other.page.url()).pathname).toBe('/login')
    expect(await shopper.signedInAs()).toBe('alice')
    await elsewhere.close()
  })

  it('LIO-07 is ended by a change of the password, which asks for the old one first', async () => {
    await shopper.logIn()
    const elsewhere = await browser.newContext()
    const other = new Shopper(await elsewhere.newPage(), stage.origin)
    await other.logIn()
    stage.clock.advance(6 * 60_000)
    await shopper.open('/account/password')
    expect(new URL(page.url()).pathname).toBe('/confirm')
    await shopper.fill({ 'Your password': ALICE.password })
    await shopper.press('Confirm')
    const before = await shopper.token()
    await shopper.fill({ 'New password': 'thirteen velvet hangers' })
    await shopper.press('Change the password')
    expect(await page.textContent('main')).toContain('One other session was ended')
    expect(await shopper.token()).not.toBe(before)
    await other.open('/account')
    expect(new URL(other.page.url()).pathname).toBe('/login')
    await elsewhere.close()
  })
})

/** As a page with many images does that are not public. */
async function fetchAll(tab: Page): Promise<void> {
  await tab.evaluate(() => Promise.all(Array.from({ length: 8 }, () => fetch('/cart'))))
}
