import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { axeFindings, launchBrowser } from '../helpers/chromium.ts'
import { startTestServer } from '../helpers/test-server.ts'
import { freePort, startSso } from '../oidc/sso.ts'

const SHOTS = process.env.SCREENSHOTS

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())

describe('sign-in at another server in Chromium', () => {
  it('leads there and back, to the ways to sign in and a first password; axe-core finds nothing', async () => {
    const { origin, authority } = await openStage()
    const context = await browser.newContext()
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(`${origin}/login?return_to=/account/ways`)
    await look(page, 'login')
    await page.getByRole('button', { name: 'Sign in with Corp' }).click()
    await signInThere(page)
    await page.waitForURL('**/account/ways')
    await look(page, 'ways')
    await page.getByRole('button', { name: /^Remove Corp/ }).click()
    await page.getByRole('alert').filter({ hasText: 'last way' }).waitFor()
    await look(page, 'last-way')
    await page.getByRole('link', { name: 'Password' }).click()
    await page.getByLabel('New password').fill('another horse battery')
    await page.getByRole('button', { name: 'Set password' }).click()
    await page.getByText('Your password is changed').waitFor()
    const [account] = (await authority.accounts.list()).accounts
    expect(account?.passwordChangedAt).not.toBeNull()
    await page.goto(`${origin}/login?reauthenticate=1&return_to=/account/ways`)
    await look(page, 'again')
    await page.getByRole('button', { name: 'Go on with Corp' }).click()
    // Signed in there, and asked all the same.
    await page.getByLabel('Password').fill('correct horse battery staple')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/account/ways')
    await page.getByRole('button', { name: /^Remove Corp/ }).click()
    await page.getByText('You have added no account elsewhere').waitFor()
    await page.goto(`${origin}/login/with/corp/callback?code=x&state=y`)
    await page.getByRole('heading', { name: 'Please start again' }).waitFor()
    await look(page, 'start-again')
  })
})

async function look(page: Page, name: string): Promise<void> {
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/upstream-${name}.png`, fullPage: true })
  expect([name, await axeFindings(page)]).toEqual([name, []])
}

async function signInThere(page: Page): Promise<void> {
  await page.getByLabel('Name or e-mail address').fill('ann@example.com')
  await page.getByLabel('Password').fill('correct horse battery staple')
  await page.keyboard.press('Enter')
}

async function openStage() {
  const upstream = await startSso()
  const port = String(await freePort())
  // Another host than the provider's: one cookie jar serves all ports of a host.
  const origin = `http://accounts.localhost:${port}`
  const added = await upstream.authority.oauth.clients.add({
    ...{ id: 'ours', name: 'Ours', kind: 'confidential', trusted: true, development: true },
    redirectUris: [`${origin}/login/with/corp/callback`],
  })
  if (!added.ok) throw new Error(added.mistakes.join(' '))
  const provider = { id: 'corp', name: 'Corp', issuer: upstream.issuer, 'client-id': 'ours' }
  const server = await startTestServer({
    ...{ port, publicUrl: origin, signUp: 'true', upstreams: JSON.stringify([provider]) },
    upstreamSecrets: JSON.stringify({ corp: added.secret }),
  })
  return { origin, authority: server.authority }
}
