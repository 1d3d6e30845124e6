import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchBrowser } from './browser/stage.ts'
import { type ShopProcess, startShop, temporaryDirectory } from './shop-process.ts'

const data = temporaryDirectory()
let shop: ShopProcess
let browser: Browser
let context: BrowserContext
let page: Page

beforeAll(async () => {
  shop = await startShop(data.path)
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await shop.interrupt()
  data.dispose()
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
  return () => context.close()
})

describe('the attacker’s site, in Chromium', () => {
  it('CSRF-01 CK-05 its form is refused, and the page says why', async () => {
    await logIn(page)
    await visitAttacker('prize')
    await page.getByRole('button', { name: 'Claim my coat' }).click()
    expect(await page.textContent('h1')).toBe('That was not sent from here')
    await page.locator('.panel summary').click()
    expect(await page.textContent('.panel-log')).toContain('Request refused: CSRF')
    expect(await page.textContent('.panel-log')).toContain('Sec-Fetch-Site: cross-site')
    await page.goto(`${shop.origin}/cart`)
    expect(await page.textContent('header')).toContain('Cart (0)')
    expect(await page.textContent('header')).toContain('Log out alice')
  })

  it('HDR-04 its frame shows nothing of the shop', async () => {
    await logIn(page)
    // Without the cookie, which is not sent into a frame of another site either, the account is the log-in page.
    const failed = page.waitForEvent('requestfailed', (request) => request.url().includes('/login'))
    await visitAttacker('frame')
    expect((await failed).failure()?.errorText).toBe('net::ERR_BLOCKED_BY_RESPONSE')
  })

  it('LIO-05 its log-in form signs nobody in, even with the right password', async () => {
    await logIn(page)
    await visitAttacker('log-in')
    await page.getByRole('button', { name: 'Continue' }).click()
    expect(await page.textContent('h1')).toBe('That was not sent from here')
    await page.goto(shop.origin)
    expect(await page.textContent('header')).toContain('Log out alice')
  })

  it('CK-11 the cookie that it tosses is dropped', async () => {
    await page.goto(`${shop.origin}/lab`)
    await visitAttacker('prize')
    expect(await context.cookies()).toEqual([])
  })

  it('the lab runs without JavaScript', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false })
    const reader = await plain.newPage()
    await reader.goto(`${shop.origin}/lab`)
    await reader.getByRole('button', { name: 'Run: A copy of the token, used after the logout' }).click()
    expect(await reader.textContent('.lab-verdict')).toMatch(/^refused: /)
    await plain.close()
  })
})

describe('the live timeline, in Chromium', () => {
  it('follows what happens in another tab, across a login and a logout there', async () => {
    await page.goto(shop.origin)
    await page.getByLabel('Add Brass coat peg to the cart').click()
    await openPanel(page)
    const other = await context.newPage()
    await logIn(other)
    await page.getByText('New session').waitFor()
    await page.getByText('(signed in)').waitFor()
    await other.getByRole('button', { name: 'Log out alice' }).click()
    await page.getByText('Its token is refused from now on').waitFor()
    await page.locator('[data-fact=session]').getByText('none').waitFor()
    expect(await page.locator('.panel-pending').count()).toBe(0)
  })

  it('shows at once that another device has ended the session', async () => {
    await logIn(page)
    await openPanel(page)
    const elsewhere = await browser.newContext()
    const other = await elsewhere.newPage()
    await logIn(other)
    await other.goto(`${shop.origin}/devices`)
    await other.getByRole('button', { name: /all others/i }).click()
    await page.locator('.panel-log').getByText('ended from another place').first().waitFor()
    await page.getByText('not live').waitFor()
    await elsewhere.close()
  })

  it('gives its connection back while its page is left, and takes it up again', async () => {
    await logIn(page)
    await openPanel(page)
    const closed = page.waitForEvent('requestfinished', (request) => request.url().includes('/panel/events'))
    const failed = page.waitForEvent('requestfailed', (request) => request.url().includes('/panel/events'))
    await page.evaluate("dispatchEvent(new Event('pagehide'))")
    await Promise.race([closed, failed])
    await page.getByText('not live').waitFor()
    await page.evaluate("dispatchEvent(new Event('pageshow'))")
    await page.locator('.panel-on').waitFor()
  })

  it('asks for no stream while there is no session, and breaks no rule of the page', async () => {
    const asked: string[] = []
    const complaints: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.goto(shop.origin)
    await page.locator('.panel summary').click()
    await page.goto(`${shop.origin}/lab`)
    expect(asked).toContain('/panel.js')
    expect(asked).not.toContain('/panel/events')
    expect(complaints).toEqual([])
  })
})

async function logIn(at: Page): Promise<void> {
  await at.goto(`${shop.origin}/login`)
  await at.getByLabel('Name').fill('alice')
  await at.getByLabel('Password').fill('peg-and-ticket')
  await at.getByRole('button', { name: 'Log in' }).click()
  await at.getByText('Welcome, alice').waitFor()
}

/** By the link in the lab, as the reader comes there. */
async function visitAttacker(which: string): Promise<void> {
  await page.goto(`${shop.origin}/lab`)
  await page.getByRole('link', { name: new RegExp(`^Visit the .*${which}`) }).click()
  await page.waitForURL('http://attacker.localhost:*/**')
}

async function openPanel(at: Page): Promise<void> {
  await at.locator('.panel summary').click()
  await at.locator('.panel-on').waitFor()
}
