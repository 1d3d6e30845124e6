import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { CookieJar } from 'coatcheck/testing'
import { expect, it, onTestFinished } from 'vitest'
import { type ShopProcess, startShop, temporaryDirectory } from './shop-process.ts'

it('stands beside the shop: pages that know nothing of sessions are open to whoever is signed in, and closed after a logout', async () => {
  const { shop, server, pages } = await start()
  const browser = new Browser()
  const first = await navigate(pages)
  expect(first.statusCode).toBe(302)
  expect(first.headers.location).toContain(`${server}/login?return_to=`)
  const login = await browser.post(`${server}/login`, {
    ...{ name: 'carol', password: 'umbrella-stand', return_to: `${pages}/` },
  })
  expect([login.status, login.headers.get('location')]).toEqual([303, `${pages}/`])
  const page = await browser.get(pages)
  expect([page.status, (await page.text()).includes('<html')]).toEqual([200, true])
  // The shop has sessions of its own, in the same jar of cookies.
  expect(await (await browser.get(shop.origin)).text()).toContain('Log in')
  const account = await (await browser.get(`${server}/account`)).text()
  expect(account).toContain('carol')
  const logout = await browser.post(`${server}/logout`, {})
  expect(logout.status).toBeLessThan(400)
  expect((await browser.get(pages)).status).toBe(401)
})

it('has a link for the first administrator, in a file of its own user', async () => {
  const { shop } = await start()
  const [file = ''] = /\S+setup-link/.exec(shop.output) ?? []
  expect(statSync(file).mode & 0o077).toBe(0)
  const page = await fetch(readFileSync(file, 'utf8').trim())
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<form')])
})

it('ends with the shop on Ctrl-C, and comes back with the same accounts', async () => {
  const data = temporaryDirectory()
  onTestFinished(() => data.dispose())
  for (const turn of [1, 2]) {
    const { shop } = await start(data.path)
    expect([turn, (await shop.interrupt()).code]).toEqual([turn, 0])
  }
})

async function start(directory?: string): Promise<{ shop: ShopProcess; server: string; pages: string }> {
  const own = directory === undefined ? temporaryDirectory() : null
  const shop = await startShop(directory ?? own?.path ?? '', { SERVER_PORT: '0' })
  onTestFinished(async () => {
    await shop.interrupt()
    own?.dispose()
  })
  await expect.poll(() => shop.output, { timeout: 30_000 }).toContain('Try next')
  const [, server = ''] = /for services in any language, is at (\S+)/.exec(shop.output) ?? []
  const [, pages = ''] = /behind its forward-auth: (\S+)/.exec(shop.output) ?? []
  return { shop, server, pages }
}

/** `fetch` says itself that it is no navigation. */
async function navigate(url: string): Promise<IncomingMessage> {
  const sent = request(url, { headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate' } })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  return response
}

/** One jar for all of localhost, as browsers have. */
class Browser {
  readonly #jar = new CookieJar()

  get(url: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#fetch(url, { headers })
  }

  post(url: string, fields: Record<string, string>): Promise<Response> {
    const headers = { 'sec-fetch-site': 'same-origin' }
    return this.#fetch(url, { method: 'POST', body: new URLSearchParams(fields), headers })
  }

  async #fetch(url: string, init: RequestInit & { headers: Record<string, string> }): Promise<Response> {
    const cookie = this.#jar.header
    const headers = { ...init.headers, ...(cookie && { cookie }) }
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    this.#jar.receive(response.headers.getSetCookie())
    return response
  }
}
