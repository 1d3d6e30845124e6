import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { requireEngine } from '../../../scripts/engines.ts'
import { type ShopProcess, startShop, temporaryDirectory } from './shop-process.ts'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const data = temporaryDirectory()
let shop: ShopProcess
let browser: Browser
let context: BrowserContext
let page: Page

beforeAll(async () => {
  shop = await startShop(data.path)
  browser = await chromium.launch({ executablePath: requireEngine('chromium'), args: FLAGS })
})
afterAll(async () => {
  await browser?.close()
  await shop.interrupt()
  data.dispose()
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
})
afterEach(() => context.close())

describe('in Chromium', () => {
  it('the cart comes along at login, without JavaScript', async () => {
    const plain = await browser.newContext({ javaScriptEnabled: false })
    const shopping = await plain.newPage()
    await shopping.goto(shop.origin)
    await shopping.getByLabel('Add Brass coat peg to the cart').click()
    await logIn(shopping)
    await shopping.getByRole('link', { name: /Cart \(1\)/ }).click()
    expect(await shopping.textContent('table')).toContain('Brass coat peg')
    await plain.close()
  })

  it('CK-01 no script sees the token', async () => {
    await page.goto(shop.origin)
    await page.getByLabel('Add Counter bell to the cart').click()
    const [cookie] = await context.cookies()
    expect(cookie).toMatchObject({
      name: '__Host-sid',
      httpOnly: true,
      secure: true,
      sameSite: 'Lax',
      path: '/',
    })
    expect(await page.evaluate('document.cookie')).toBe('')
    const seen = await page.evaluate('cookieStore.getAll().then((cookies) => cookies.length)')
    expect(seen).toBe(0)
  })

  it('ROT-01 LIO-01 login changes the cookie, and logout leaves nothing that signs in', async () => {
    await page.goto(shop.origin)
    await page.getByLabel('Add Cedar hanger to the cart').click()
    const anonymous = await token()
    await logIn(page)
    const signedIn = await token()
    expect(signedIn).not.toBe(anonymous)
    await page.getByRole('button', { name: 'Log out alice' }).click()
    await context.addCookies([
      { name: '__Host-sid', value: signedIn, url: shop.origin.replace('http:', 'https:'), secure: true },
    ])
    await page.goto(shop.origin)
    expect(await page.getByRole('link', { name: 'Log in' }).isVisible()).toBe(true)
  })

  it('CK-05 CSRF-01 a form of another site that is sent right after login does nothing', async () => {
    await logIn(page)
    const other = await serveForm(`${shop.origin}/cart`)
    await page.goto(`http://attacker.localhost:${(other.address() as AddressInfo).port}/`)
    await page.waitForURL(`${shop.origin}/**`)
    expect(await page.textContent('main')).toContain('refused')
    await page.goto(`${shop.origin}/cart`)
    expect(await page.textContent('main')).toContain('Nothing in it yet')
    expect(await page.getByRole('button', { name: 'Log out alice' }).isVisible()).toBe(true)
    other.close()
  })
})

async function logIn(at: Page): Promise<void> {
  await at.goto(`${shop.origin}/login`)
  await at.getByLabel('Name').fill('alice')
  await at.getByLabel('Password').fill('peg-and-ticket')
  await at.getByRole('button', { name: 'Log in' }).click()
  await at.getByText('Welcome, alice').waitFor()
}

async function token(): Promise<string> {
  const cookies = await context.cookies()
  return cookies.find(({ name }) => name === '__Host-sid')?.value ?? ''
}

/** Another site whose page posts to `action` as soon as it is opened. */
async function serveForm(action: string): Promise<Server> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(
      `<form method="post" action="${action}"><input name="sku" value="bell"></form><script>document.forms[0].submit()</script>`,
    )
  }).listen(0)
  await once(server, 'listening')
  return server
}
