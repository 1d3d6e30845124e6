import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { launchBrowser } from './browser/stage.ts'
import { PASSWORD, startStage } from './forward-auth/stage.ts'

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)
afterAll(() => browser?.close())

describe.each(['localhost', 'app.localhost'])('the pages behind forward-auth, at %s in Chromium', (host) => {
  it('are for who is signed in, until a sign-out there', async () => {
    const { accounts, site, demo, userId } = await startStage(host)
    const page = await openPage()
    await page.goto(`${site}/?x=1`)
    expect(page.url()).toContain(`${accounts}/login?return_to=`)
    await logIn(page)
    await page.waitForURL(`${site}/?x=1`)
    expect(await page.textContent('h1')).toBe('Only for members')
    await page.click('text=A page in Python')
    if (demo.hasPython) expect(await page.textContent('#user')).toBe(userId)
    await page.goto(site)
    await page.click('text=Sign out')
    await page.waitForURL(`${accounts}/login?**`)
    for (const address of [site, `${accounts}/account`]) {
      await page.goto(address)
      expect(page.url()).toContain(`${accounts}/login?return_to=`)
    }
  })

  it('CSRF-06 are no pages that another site can send forms to', async () => {
    const { site } = await startStage(host)
    const page = await openPage()
    await page.goto(site)
    await logIn(page)
    await page.waitForURL(`${site}/`)
    await page.goto('data:text/html,<p>another site</p>')
    await page.setContent(
      `<form method="post" action="${site}/.coatcheck/logout"><button>win</button></form>`,
    )
    await page.click('text=win')
    await page.goto(site)
    expect(await page.textContent('h1')).toBe('Only for members')
  })
})

async function openPage(): Promise<Page> {
  const context = await browser.newContext()
  onTestFinished(() => context.close())
  return context.newPage()
}

async function logIn(page: Page): Promise<void> {
  await page.getByLabel('Name').fill('Ada')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.keyboard.press('Enter')
}
