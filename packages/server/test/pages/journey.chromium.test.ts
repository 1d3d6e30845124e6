import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FakeEnvironment } from 'coatcheck/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { issueSetupToken } from '../../src/admin/setup.ts'
import { authenticator } from '../helpers/authenticator.ts'
import { axeFindings, launchBrowser } from '../helpers/chromium.ts'
import { PageVisitor } from '../helpers/page-visitor.ts'
import { startTestServer } from '../helpers/test-server.ts'

const PASSWORD = 'correct horse battery'
const SHOTS = process.env.SCREENSHOTS

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())

describe.each([
  ['light', 1100],
  ['dark', 390],
] as const)('the pages in Chromium, %s and %i pixels wide', (colorScheme, width) => {
  it('lead from sign-up to a changed password, and axe-core finds nothing on any of them', async () => {
    const stage = await openStage()
    const page = await browser.newPage({
      colorScheme,
      viewport: { width, height: 800 },
      javaScriptEnabled: true,
      bypassCSP: true,
      reducedMotion: 'reduce',
    })
    onTestFinished(() => page.close())
    const look = async (name: string) => {
      if (SHOTS)
        await page.screenshot({ path: `${SHOTS}/${name}-${colorScheme}-${width}.png`, fullPage: true })
      expect([name, await axeFindings(page)]).toEqual([name, []])
      expect([name, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([name, width])
    }
    await signUpAndOut(page, stage.origin, look)
    await signIn(page, stage, look)
    await devices(page, stage, look)
    await keys(page, look)
    await secondStep(page, stage, look)
    await changePassword(page, look)
    await resetPassword(page, stage, look)
  })

  it('let the first administrator in', async () => {
    const { authority, adminAddress } = await openStage()
    const admin = String(adminAddress).replace('127.0.0.1', 'localhost')
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 }, bypassCSP: true })
    onTestFinished(() => page.close())
    await page.goto(`${admin}/setup?token=${await issueSetupToken(authority)}`)
    expect(await axeFindings(page)).toEqual([])
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/setup-${colorScheme}-${width}.png`, fullPage: true })
    await page.getByLabel('Name').fill('Grace')
    await page.getByLabel('Password').fill('compilers are for people')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/login?setup=1')
    expect(await axeFindings(page)).toEqual([])
    await page.getByLabel('Name').fill('grace')
    await page.getByLabel('Password').fill('compilers are for people')
    await page.keyboard.press('Enter')
    await page.getByText('You are signed in as Grace').waitFor()
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/admin-${colorScheme}-${width}.png`, fullPage: true })
  })
})

async function openStage() {
  const links: string[] = []
  const hook = createServer((request, response) => {
    request.on('data', (chunk) => links.push(JSON.parse(String(chunk)).link))
    request.on('end', () => response.end())
  })
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void hook.close())
  const environment = new FakeEnvironment()
  const resetUrl = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
  const server = await startTestServer({ signUp: 'true', resetUrl, siteName: 'Superb Shop' }, { environment })
  const origin = server.publicAddress.replace('127.0.0.1', 'localhost')
  return { ...server, environment, links, origin }
}

type Stage = Awaited<ReturnType<typeof openStage>>
type Look = (name: string) => Promise<void>

async function signUpAndOut(page: Page, origin: string, look: Look): Promise<void> {
  await page.goto(`${origin}/`)
  await page.getByRole('link', { name: 'Create an account' }).click()
  await look('sign-up')
  await page.getByLabel('Name').fill('Ada')
  await page.getByLabel('Password').fill('qwertyuiop')
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.waitForURL('**/account')
  await look('first-device')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL('**/logout')
  await look('signed-out')
}

/** With the keyboard alone. */
async function signIn(page: Page, { origin }: Stage, look: Look): Promise<void> {
  await page.goto(`${origin}/login?return_to=/account/password`)
  await look('login')
  await page.locator('input[name=name]:focus').waitFor()
  await page.keyboard.type('ADA')
  await page.keyboard.press('Tab')
  await page.keyboard.type('wrong password')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').waitFor()
  await look('login-wrong')
  await page.locator('input[name=password]:focus').waitFor()
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL('**/account/password')
  await look('password')
}

async function devices(page: Page, { publicAddress, environment }: Stage, look: Look): Promise<void> {
  const phone = new PageVisitor(publicAddress, {
    'user-agent':
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1',
  })
  const script = new PageVisitor(publicAddress, { 'user-agent': '<script>document.title="owned"</script>' })
  await phone.login('ada', PASSWORD)
  await script.login('ada', PASSWORD)
  environment.advance(20 * 60_000)
  await page.getByRole('link', { name: 'Devices' }).click()
  await look('devices')
  expect(await page.title()).toContain('Devices')
  await page.getByRole('button', { name: /Sign out: .*(iPhone|Safari)/ }).click()
  await page.getByRole('heading', { name: 'Is it you?' }).waitFor()
  await look('confirm')
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL('**/account')
  await page.getByRole('button', { name: /Sign out: .*(iPhone|Safari)/ }).click()
  await page.getByRole('status').waitFor()
  expect((await phone.get('/account')).status).toBe(303)
  expect((await script.get('/account')).status).toBe(200)
  await page.getByRole('button', { name: 'Sign out on all other devices' }).click()
  await page.getByText('There are no other devices').waitFor()
  expect((await script.get('/account')).status).toBe(303)
}

async function keys(page: Page, look: Look): Promise<void> {
  await page.getByRole('link', { name: 'API keys' }).click()
  await page.getByLabel('What it is for').fill('Nightly report')
  await page.getByLabel('Scopes').fill('orders:read')
  await page.getByRole('button', { name: 'Create key' }).click()
  await page.getByText('It is shown only now').waitFor()
  await look('keys')
  await page.getByRole('button', { name: 'Revoke: Nightly report' }).click()
  await page.getByText('You have no keys').waitFor()
}

/** On, in by it, and off again. */
async function secondStep(page: Page, { origin, environment }: Stage, look: Look): Promise<void> {
  await page.getByRole('link', { name: 'Second step' }).click()
  await look('second-step')
  const app = authenticator((await page.locator('.key').textContent()) ?? '', () => environment.now())
  await page.locator('#code').fill('123456')
  await page.getByRole('button', { name: 'Turn on' }).click()
  await page.getByRole('alert').waitFor()
  await page.locator('#code').fill(app.code())
  await page.getByRole('button', { name: 'Turn on' }).click()
  await page.getByRole('heading', { name: 'Recovery codes' }).waitFor()
  await look('recovery-codes')
  await page.getByRole('link', { name: 'I have kept them' }).click()
  await look('second-step-on')
  environment.advance(30_000)
  await page.getByRole('button', { name: 'Sign out' }).first().click()
  await page.goto(`${origin}/login?return_to=/account/second-step`)
  await page.getByLabel('Name').fill('ada')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Enter your code' }).waitFor()
  await page.getByText('I cannot use the app').click()
  await look('code')
  await page.locator('#code').fill(app.code())
  await page.locator('#code').press('Enter')
  await page.getByRole('button', { name: 'Turn off' }).click()
  await page.getByText('The second step is turned off').waitFor()
  await page.getByRole('link', { name: 'Your data' }).click()
  await look('data')
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download as a file' }).click(),
  ])
  expect(file.suggestedFilename()).toBe('account.json')
}

async function changePassword(page: Page, look: Look): Promise<void> {
  await page.getByRole('link', { name: 'Password' }).click()
  await page.getByLabel('Current password').fill(PASSWORD)
  await page.getByLabel('New password').fill('another horse battery')
  await page.getByRole('button', { name: 'Change password' }).click()
  await page.getByText('Your password is changed').waitFor()
  await look('changed')
}

async function resetPassword(
  page: Page,
  { origin, links, publicAddress, authority }: Stage,
  look: Look,
): Promise<void> {
  await page.getByRole('button', { name: 'Sign out' }).first().click()
  await page.getByRole('link', { name: 'Sign in' }).click()
  await page.getByRole('link', { name: 'Forgot your password?' }).click()
  await look('forgot')
  await page.getByLabel('Name').fill('ada')
  await page.keyboard.press('Enter')
  await page.getByText('a link is on its way').waitFor()
  await look('sent')
  await authority.accounts.flush()
  const link = new URL(links[0] ?? '')
  expect(link.origin).toBe(authority.settings.publicUrl.origin)
  await page.goto(`${origin}${link.pathname}${link.search}`)
  await look('reset')
  await page.getByLabel('Password').fill('a third horse battery')
  await page.keyboard.press('Enter')
  await page.getByText('Please sign in with the new one').waitFor()
  await look('reset-done')
  await page.goto(`${origin}${link.pathname}${link.search}`)
  await page.getByRole('heading', { name: 'This link does not work' }).waitFor()
  await look('spent')
  const visitor = new PageVisitor(publicAddress)
  expect((await visitor.login('ada', 'a third horse battery')).status).toBe(303)
}
