import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Shopper } from './browser/shopper.ts'
import { launchBrowser, openStage, type Stage } from './browser/stage.ts'

let stage: Stage
let browser: Browser
let page: Page
let shopper: Shopper
let attacker: Server | null = null

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  stage = await openStage()
  const context = await browser.newContext()
  page = await context.newPage()
  shopper = new Shopper(page, stage.origin)
  return async () => {
    await context.close()
    await stage.close()
    attacker?.close()
  }
})

describe('a page of another site', () => {
  it('CK-05 CSRF-01 that posts a form right after login does nothing', async () => {
    await shopper.logIn()
    const before = await shopper.token()
    await page.goto(await serve(selfSending(`${stage.origin}/cart`)))
    await page.waitForURL(`${stage.origin}/**`)
    expect(await page.textContent('main')).toContain('another site')
    await shopper.open('/cart')
    expect(await page.textContent('main')).toContain('Nothing in it yet')
    expect(await shopper.signedInAs()).toBe('alice')
    expect(await shopper.token()).toBe(before)
  })

  it('LIO-05 logs nobody in, and nobody out', async () => {
    await page.goto(
      await serve(selfSending(`${stage.origin}/login`, { name: 'bob', password: 'coat-on-counter' })),
    )
    await page.waitForURL(`${stage.origin}/**`)
    await shopper.open('/')
    expect(await shopper.signedInAs()).toBeNull()
    await shopper.logIn()
    await page.goto(await serve(selfSending(`${stage.origin}/logout`)))
    await page.waitForURL(`${stage.origin}/**`)
    await shopper.open('/')
    expect(await shopper.signedInAs()).toBe('alice')
  })

  it('HDR-04 shows nothing of the shop in a frame', async () => {
    await shopper.logIn()
    const refused = page.waitForEvent('requestfailed')
    await page.goto(await serve(`<iframe src="${stage.origin}/"></iframe>`))
    const request = await refused
    expect([request.url(), request.failure()?.errorText]).toEqual([
      `${stage.origin}/`,
      'net::ERR_BLOCKED_BY_RESPONSE',
    ])
  })

  it('CORS-01 reads nothing of the shop by script', async () => {
    await shopper.logIn()
    await page.goto(await serve('<p>Hello</p>'))
    const read = await page.evaluate(
      (url) =>
        fetch(url, { credentials: 'include' }).then(
          (response) => response.text(),
          () => 'refused',
        ),
      `${stage.origin}/account`,
    )
    expect(read).toBe('refused')
  })
})

/** Another site that has just this page; answers its address. */
async function serve(body: string): Promise<string> {
  attacker?.close()
  attacker = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(body)
  }).listen(0, 'localhost')
  await once(attacker, 'listening')
  return `http://attacker.localhost:${(attacker.address() as AddressInfo).port}/`
}

/** A form that is sent as soon as its page is opened. */
function selfSending(action: string, fields: Record<string, string> = { sku: 'bell' }): string {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`)
  return `<form method="post" action="${action}">${inputs.join('')}</form><script>document.forms[0].submit()</script>`
}
