import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Addresses } from '../src/one-login/addresses.ts'
import { axeFindings } from './browser/axe.ts'
import { launchBrowser } from './browser/stage.ts'
import { CAROL, closeOneLoginStage, DAVE, type OneLoginStage, openOneLoginStage } from './one-login/stage.ts'

let browser: Browser
let stage: OneLoginStage
let at: Addresses
beforeAll(async () => {
  browser = await launchBrowser()
  stage = await openOneLoginStage()
  at = stage.addresses
})
afterAll(async () => {
  await browser?.close()
  if (stage) await closeOneLoginStage(stage)
})

describe('one log-in for two applications, in Chromium', () => {
  it('SSO-04 SSO-05 opens both, and a log-out at the reviews signs out of the shop at its next request', async () => {
    const page = await openPage()
    await signIn(page, at.shop)
    await letIn(page, at.reviews)
    await logOut(page)
    expect(page.url()).toBe(`${at.reviews}/goodbye`)
    await page.goto(`${at.shop}/account`)
    // Nobody is signed in there, so that the way leads to the log-in of the accounts server, which asks for a password again.
    expect(page.url()).toContain(`${at.accounts}/login?`)
  })

  it('SSO-04 SSO-05 the other way round: begun at the reviews, ended at the shop', async () => {
    const page = await openPage()
    await signIn(page, at.reviews)
    await letIn(page, at.shop)
    await logOut(page)
    expect(page.url()).toBe(`${at.shop}/goodbye`)
    await page.goto(`${at.reviews}/`)
    expect(await signedInAs(page)).toBeNull()
  })

  it('LIO-07 a log-out at the accounts server ends both', async () => {
    const page = await openPage()
    await signIn(page, at.shop)
    await letIn(page, at.reviews)
    await page.goto(`${at.accounts}/logout`)
    await page.getByRole('main').getByRole('button').click()
    await page.waitForURL(`${at.accounts}/**`)
    for (const application of [at.shop, at.reviews]) {
      await expect
        .poll(async () => {
          await page.goto(application)
          return signedInAs(page)
        })
        .toBeNull()
    }
  })

  it('two browsers of one user, and of two, do not disturb each other', async () => {
    const [desk, phone, other] = [await openPage(), await openPage(), await openPage()]
    await signIn(desk, at.shop)
    await signIn(phone, at.shop)
    await signIn(other, at.shop, DAVE)
    await letIn(desk, at.reviews)
    await logOut(desk)
    await phone.reload()
    await other.reload()
    expect([await signedInAs(phone), await signedInAs(other)]).toEqual(['carol', 'dave'])
    await letIn(phone, at.reviews)
    await letIn(other, at.reviews, DAVE)
  })

  it('SSO-01 sign-ins in two tabs at once both come to an end', async () => {
    const one = await openPage()
    const two = await one.context().newPage()
    await one.goto(`${at.shop}/login?return=/cart`)
    await two.goto(`${at.shop}/login?return=/products/bell`)
    await prove(two)
    await two.waitForURL(`${at.shop}/products/bell`)
    await prove(one)
    await one.waitForURL(`${at.shop}/cart`)
    expect([await signedInAs(one), await signedInAs(two)]).toEqual(['carol', 'carol'])
  })

  it('a review that is written in the shop stands at the reviews, and browsers hold no token of the accounts server', async () => {
    const page = await openPage()
    await signIn(page, at.shop)
    await page.goto(`${at.shop}/products/lantern`)
    await page.getByText('Write yours').click()
    await page.getByLabel('Very good').check()
    await page.getByLabel('Your words').fill('It found me.')
    await page.getByRole('button', { name: 'Publish' }).click()
    await page.getByText('Your review is published').waitFor()
    await page.getByRole('link', { name: 'All of them at the reviews' }).click()
    await page.getByText('It found me.').waitFor()
    await letIn(page, at.reviews)
    await page.goto(`${at.reviews}/articles/lantern`)
    expect(await page.getByLabel('Your words').inputValue()).toBe('It found me.')
    const held = JSON.stringify(await page.context().storageState())
    expect(held).not.toMatch(/eyJ|coatcheck_secret/)
  })
})

describe.each(['light', 'dark'] as const)('axe-core finds nothing in the %s theme', (colorScheme) => {
  it('on pages of the reviews, on those of the shop that are its own, and nothing is wider than a phone', async () => {
    const page = await openPage({ colorScheme, bypassCSP: true, viewport: { width: 390, height: 844 } })
    const look = async (address: string) => {
      await page.goto(address)
      expect([address, await axeFindings(page)]).toEqual([address, []])
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    }
    await look(`${at.reviews}/articles/umbrella`)
    await look(`${at.reviews}/callback?state=${'x'.repeat(43)}`)
    await signIn(page, at.shop)
    await letIn(page, at.reviews)
    await look(`${at.reviews}/`)
    await look(`${at.reviews}/articles/umbrella`)
    await look(`${at.shop}/products/umbrella`)
    await look(`${at.shop}/account`)
    await page.goto(at.reviews)
    await logOut(page)
    await look(`${at.reviews}/goodbye`)
  })
})

async function openPage(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  const context = await browser.newContext(options)
  onTestFinished(() => context.close())
  return context.newPage()
}

/** From a visitor's page of an application over the accounts server's log-in. */
async function signIn(page: Page, application: string, who = CAROL): Promise<void> {
  await page.goto(application)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.waitForURL(`${at.accounts}/login?**`)
  await prove(page, who)
  await page.waitForURL(`${application}/**`)
  expect(await signedInAs(page)).toBe(who.name)
}

async function prove(page: Page, who = CAROL): Promise<void> {
  await page.getByLabel('Name or e-mail address').fill(who.name)
  await page.getByLabel('Password').fill(who.password)
  await page.keyboard.press('Enter')
}

/** Without a second password. */
async function letIn(page: Page, application: string, who = CAROL): Promise<void> {
  await page.goto(application)
  await page.getByRole('link', { name: 'Sign in', exact: true }).click()
  await page.waitForURL(`${application}/**`)
  expect(await signedInAs(page)).toBe(who.name)
}

async function logOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Log out/ }).click()
  await page.getByRole('heading', { name: 'You are logged out' }).waitFor()
}

async function signedInAs(page: Page): Promise<string | null> {
  const [text = null] = await page
    .locator('header')
    .getByRole('button', { name: /^Log out / })
    .allInnerTexts()
  return text?.replace('Log out ', '') ?? null
}
