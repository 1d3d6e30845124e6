import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { authenticator } from '../helpers/authenticator.ts'
import { axeFindings, launchBrowser } from '../helpers/chromium.ts'
import { startTestServer } from '../helpers/test-server.ts'
import { startApplication } from './application.ts'
import { freePort } from './sso.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())

describe('two applications in Chromium', () => {
  it('SSO-04 SSO-05 one login opens both, and a logout at one closes both', async () => {
    const { shop, reviews, page } = await openStage()
    await page.goto(shop.origin)
    await page.getByText('Sign in to shop').click()
    await signIn(page)
    await page.getByText('Hello Ann').waitFor()
    expect(page.url()).toBe(`${shop.origin}/`)
    await page.goto(reviews.origin)
    await page.getByText('Sign in to reviews').click()
    await page.getByText('Hello Ann').waitFor()
    await page.getByText('Sign out of reviews').click()
    await page.waitForURL(`${reviews.origin}/`)
    await page.getByText('Nobody').waitFor()
    await vi.waitFor(() => expect(shop.sessions.size).toBe(0), { timeout: 10_000 })
    await page.goto(shop.origin)
    await page.getByText('Nobody').waitFor()
  })

  it('OA-15 an application of others asks for consent once, on a page that axe-core finds nothing on', async () => {
    const { reviews, page } = await openStage({ trusted: false })
    await page.goto(`${reviews.origin}/login`)
    await signIn(page)
    await page.getByRole('heading', { name: 'Allow The reviews?' }).waitFor()
    expect(await axeFindings(page)).toEqual([])
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByText('Hello Ann').waitFor()
    await page.goto(`${reviews.origin}/login`)
    await page.getByText('Hello Ann').waitFor()
  })
})

describe('what an application may ask of a login, in Chromium', () => {
  it('STEP-02 prompt, max_age and acr_values: nobody is asked in silence, everybody is asked again, and no weaker token is given', async () => {
    const { shop, page } = await openStage()
    const ask = (query: string) => page.goto(`${shop.origin}/login?${query}`)
    await ask('prompt=none')
    await page.getByText('Refused: login_required').waitFor()
    await ask('')
    await signIn(page)
    await page.getByText('Hello Ann').waitFor()
    await ask('prompt=none')
    await page.getByText('Hello Ann').waitFor()
    for (const query of ['prompt=login', 'max_age=0']) {
      await ask(query)
      expect(new URL(page.url()).pathname).toBe('/login')
      await confirm(page)
      await page.getByText('Hello Ann').waitFor()
    }
    await ask('prompt=none&acr_values=aal2')
    await page.getByText('Refused: unmet_authentication_requirements').waitFor()
    await ask('acr_values=aal3')
    await confirm(page)
    await page.getByText('Refused: unmet_authentication_requirements').waitFor()
    await ask('acr_values=aal2')
    await confirm(page)
    const app = authenticator((await page.locator('.key').textContent()) ?? '', () => Date.now())
    await page.locator('input[name=code]').fill(app.code())
    await page.keyboard.press('Enter')
    await page.locator('a.main').click()
    await page.getByText('Hello Ann').waitFor()
    await ask('prompt=none&acr_values=aal2')
    await page.getByText('Hello Ann').waitFor()
  })

  it('OA-15 RT-08 consent that was withdrawn in "my account" is asked for again', async () => {
    const { reviews, page, issuer } = await openStage({ trusted: false })
    await page.goto(`${reviews.origin}/login`)
    await signIn(page)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByText('Hello Ann').waitFor()
    await page.goto(`${reviews.origin}/login?prompt=none`)
    await page.getByText('Hello Ann').waitFor()
    await page.goto(`${issuer}/account/applications`)
    await page.getByRole('button', { name: /Remove/ }).click()
    await page.getByText('No application uses your account').waitFor()
    await page.goto(`${reviews.origin}/login?prompt=none`)
    await page.getByText('Refused: consent_required').waitFor()
    await page.goto(`${reviews.origin}/login`)
    await page.getByRole('heading', { name: 'Allow The reviews?' }).waitFor()
  })
})

/** The password once more. */
async function confirm(page: Page): Promise<void> {
  await page.getByLabel('Password').fill('correct horse battery staple')
  await page.keyboard.press('Enter')
}

async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Name or e-mail address').fill('ann@example.com')
  await page.getByLabel('Password').fill('correct horse battery staple')
  await page.keyboard.press('Enter')
}

async function openStage({ trusted = true } = {}) {
  const port = String(await freePort())
  const { authority, publicAddress } = await startTestServer({
    port,
    publicUrl: `http://accounts.localhost:${port}`,
  })
  await authority.accounts.create({
    ...{ name: 'ann@example.com', password: 'correct horse battery staple', claims: { name: 'Ann' } },
  })
  const shop = await startApplication(authority, publicAddress, { id: 'shop', trusted })
  const reviews = await startApplication(authority, publicAddress, { id: 'reviews', trusted })
  const context = await browser.newContext()
  onTestFinished(() => context.close())
  const issuer = authority.settings.publicUrl.origin
  return { shop, reviews, issuer, page: await context.newPage() }
}
