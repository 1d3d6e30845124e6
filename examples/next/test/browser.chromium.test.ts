import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { requireEngine } from '../../../scripts/engines.ts'
import { InstalledExample } from './installed-example.ts'
import { COOKIE, formOf } from './plain-browser.ts'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const example = new InstalledExample('chromium')
let browser: Browser
let context: BrowserContext
let page: Page

beforeAll(async () => {
  await example.build()
  await example.start()
  browser = await chromium.launch({ executablePath: requireEngine('chromium'), args: FLAGS })
}, 300_000)
afterAll(async () => {
  await browser?.close()
  await example.dispose()
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
})
afterEach(() => context.close())

describe.each([
  ['with the scripts of Next', true],
  ['with JavaScript switched off', false],
])('the Next example in Chromium, %s', (_, javaScriptEnabled) => {
  beforeEach(async () => {
    await context.close()
    context = await browser.newContext({ javaScriptEnabled })
    page = await context.newPage()
  })

  it('fills the cart, signs in where the visitor was sent, carries the cart, and signs out', async () => {
    await page.goto(example.origin)
    expect(await token()).toBe(null)
    await page.getByLabel('Item').fill('scarf')
    await page.getByRole('button', { name: 'Add' }).click()
    await page.getByRole('listitem').getByText('scarf').waitFor()
    const anonymous = await token()
    expect(anonymous).toMatch(/^[\w-]{68}$/)

    await page.goto(`${example.origin}/account`)
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('Wrong name or password.').waitFor()
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('analytical-engine')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Account of ada' }).waitFor()
    const signedIn = await token()
    expect(signedIn).not.toBe(anonymous)

    await page.getByRole('link', { name: 'Shop' }).click()
    await page.getByText('Signed in as ada').waitFor()
    expect(await page.getByRole('listitem').allTextContents()).toEqual(['scarf'])
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You are not signed in.').waitFor()
    expect(await token()).toBe(null)
    expect(await page.getByRole('listitem').count()).toBe(0)
  })
})

describe('the Next example in Chromium', () => {
  it('CK-01 keeps the token from scripts', async () => {
    await page.goto(example.origin)
    await page.getByLabel('Item').fill('scarf')
    await page.getByRole('button', { name: 'Add' }).click()
    await page.getByRole('listitem').getByText('scarf').waitFor()
    const [cookie] = await context.cookies()
    expect(cookie).toMatchObject({ name: COOKIE, httpOnly: true, secure: true, sameSite: 'Lax', path: '/' })
    expect(await page.evaluate('document.cookie')).toBe('')
    expect(await page.content()).not.toContain(cookie?.value)
  })

  it('CSRF-01 refuses an action that a page of another site calls or posts', async () => {
    await page.goto(example.origin)
    await page.getByLabel('Item').fill('scarf')
    await page.getByRole('button', { name: 'Add' }).click()
    await page.getByRole('listitem').getByText('scarf').waitFor()
    const fields = formOf(await (await context.request.get(example.origin)).text(), 'item')
    const hidden = Object.keys(fields).map((name) => `<input name="${name}">`)
    const evil = await context.newPage()
    await evil.route('http://evil.localhost/', (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: `<form method="post" enctype="multipart/form-data" action="${example.origin}/">
          ${hidden}<input name="item" value="bomb"><button>Win</button></form>`,
      }),
    )
    await evil.goto('http://evil.localhost/')
    await Promise.all([evil.waitForURL(`${example.origin}/**`), evil.getByRole('button').click()])
    await page.goto(example.origin)
    expect(await page.getByRole('listitem').allTextContents()).toEqual(['scarf'])
  })

  it('P5 shows another tab, that was opened before, the session of now', async () => {
    await page.goto(example.origin)
    const other = await context.newPage()
    await other.goto(`${example.origin}/login`)
    await other.getByLabel('Name').fill('grace')
    await other.getByLabel('Password').fill('first-compiler')
    await other.getByRole('button', { name: 'Log in' }).click()
    await other.getByText('Signed in as grace').waitFor()
    await page.getByLabel('Item').fill('compiler')
    await page.getByRole('button', { name: 'Add' }).click()
    await page.getByText('Signed in as grace').waitFor()
    expect(await page.getByRole('listitem').allTextContents()).toEqual(['compiler'])
  })
})

async function token(): Promise<string | null> {
  const cookies = await context.cookies(example.origin.replace('http:', 'https:'))
  return cookies.find(({ name }) => name === COOKIE)?.value ?? null
}
