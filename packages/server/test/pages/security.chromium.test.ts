import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { launchBrowser } from '../helpers/chromium.ts'
import { openPages, PASSWORD } from '../helpers/open-pages.ts'

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())

async function open(written = {}) {
  const pages = await openPages(written)
  const page = await browser.newPage()
  onTestFinished(() => page.close())
  return { ...pages, page, origin: pages.publicAddress.replace('127.0.0.1', 'localhost') }
}

/** Another site, which shows one page. */
async function otherSite(host: string, content = 'hello'): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://${host}:${(server.address() as AddressInfo).port}`
}

describe('the pages in Chromium', () => {
  it('HDR-02 run no script that somebody got into them', async () => {
    const { page, origin } = await open()
    await page.goto(`${origin}/login`)
    const refused = page.waitForEvent('console', (message) =>
      message.text().includes('Content Security Policy'),
    )
    await page.evaluate(`{
      const script = document.createElement('script')
      script.textContent = 'document.title = "owned"'
      document.body.append(script)
      document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="document.title = \\'owned\\'">')
    }`)
    await refused
    expect(await page.title()).toBe('Sign in · coatcheck')
  })

  it('HDR-04 are framed by nobody', async () => {
    const { page, origin } = await open()
    const site = await otherSite('evil.localhost', `<iframe src="${origin}/login"></iframe>`)
    await page.goto(site)
    const [frame] = page.frames().filter((one) => one.parentFrame() !== null)
    await frame?.waitForLoadState()
    expect(await frame?.locator('input').count()).toBe(0)
  })

  it('LIO-05 sign nobody in by a form of another site', async () => {
    const { page, origin, authority, ada } = await open()
    const form = `<form method="post" action="${origin}/login"><input name="name" value="ada"><input name="password" value="${PASSWORD}"><button>Win a prize</button></form>`
    await page.goto(await otherSite('evil.localhost', form))
    await page.getByRole('button').click()
    await page.getByRole('heading', { name: 'Not allowed' }).waitFor()
    expect((await authority.sessions.list(ada.id)).sessions).toEqual([])
  })

  it('LIO-10 lead back to an allowed host after the form was sent', async () => {
    const site = await otherSite('app.localhost')
    const { page, origin } = await open({ hosts: site })
    await page.goto(`${origin}/login?return_to=${encodeURIComponent(`${site}/cart`)}`)
    await page.locator('input[name=name]:focus').waitFor()
    await page.keyboard.type('ada')
    await page.keyboard.press('Tab')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${site}/cart`)
  })
})
