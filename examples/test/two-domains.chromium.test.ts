import type { RequestListener } from 'node:http'
import { createCors, createEventStream } from 'coatcheck'
import { applyCors, sendEventStream, withSession } from 'coatcheck/node'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createOther } from './two-domains/other.ts'
import { launchBrowser, makeCertificate, openStage, type Stage } from './two-domains/stage.ts'

const certificate = makeCertificate()
let browser: Browser
let stage: Stage
let context: BrowserContext
let page: Page

beforeAll(async () => {
  browser = await launchBrowser()
}, 60_000)
afterAll(() => browser?.close())
beforeEach(async () => {
  stage = await openStage(certificate)
  context = await browser.newContext({ ignoreHTTPSErrors: true })
  page = await context.newPage()
  return async () => {
    await context.close()
    await stage.close()
  }
}, 60_000)

async function logInAtShop(): Promise<void> {
  await page.goto(stage.shop)
  await page.click('text=Log in')
  expect(await whoAt(stage.shop)).toBe('ada')
}

async function whoAt(address: string): Promise<string | null> {
  await page.goto(address)
  return page.textContent('p')
}

/** The session token that the browser holds for a site. */
async function tokenOf(site: string): Promise<string | undefined> {
  return (await context.cookies(site)).find(({ name }) => name === '__Host-sid')?.value
}

/** Opens a guarded page of the other site; answers every address on the way. */
async function goToOther(on: Page = page): Promise<readonly string[]> {
  const addresses: string[] = []
  on.on('request', (request) => addresses.push(request.url()))
  await on.goto(`${stage.other}/account?from=test`)
  return addresses
}

describe('CORS-06 a hand-off between two registrable domains', () => {
  it('signs the user in on the second without another login, and puts no token into any address', async () => {
    await logInAtShop()
    expect(await whoAt(stage.other)).toBe('nobody')
    const addresses = await goToOther()
    expect(page.url()).toBe(`${stage.other}/account?from=test`)
    expect(await page.textContent('p')).toBe('ada')
    const tokens = [await tokenOf(stage.shop), await tokenOf(stage.other)]
    expect(tokens[0]).toMatch(/^[\w-]{68}$/)
    expect(tokens[1]).toMatch(/^[\w-]{68}$/)
    expect(tokens[0]).not.toBe(tokens[1])
    for (const token of tokens) expect(addresses.join(' ')).not.toContain(token)
    expect(addresses.some((address) => address.startsWith(`${stage.other}/hand-off?code=`))).toBe(true)
    const left = (await context.cookies(stage.other)).map(({ name }) => name)
    expect(left).toEqual(['__Host-sid'])
  })

  it('P9 a logout on either domain is one on both', async () => {
    for (const site of [stage.shop, stage.other]) {
      await logInAtShop()
      await goToOther()
      await page.goto(site)
      await page.click('text=Log out')
      expect([await whoAt(stage.shop), await whoAt(stage.other)]).toEqual(['nobody', 'nobody'])
    }
  })

  it('P9 a revocation ends both', async () => {
    await logInAtShop()
    await goToOther()
    const [session] = (await stage.sessions.shop.list('ada')).sessions
    await stage.sessions.shop.revoke(session?.id ?? '')
    expect([await whoAt(stage.shop), await whoAt(stage.other)]).toEqual(['nobody', 'nobody'])
  })

  it('works once: going back to its address signs nobody in, here or in another browser, and is reported', async () => {
    await logInAtShop()
    const addresses = await goToOther()
    const address = addresses.find((each) => each.includes('/hand-off?code=')) ?? ''
    expect((await page.goto(address))?.status()).toBe(400)
    const stranger = await browser.newContext({ ignoreHTTPSErrors: true })
    const theirs = await stranger.newPage()
    expect((await theirs.goto(address))?.status()).toBe(400)
    await theirs.goto(stage.other)
    expect(await theirs.textContent('p')).toBe('nobody')
    expect(await whoAt(stage.other)).toBe('ada')
    // This browser has given the cookie of its hand-off back, and the other one never had it.
    expect(stage.refusals).toEqual(['not-begun', 'not-begun'])
    await stranger.close()
  })

  it('LIO-05 an attacker’s link signs its victim in to no account of the attacker’s', async () => {
    await logInAtShop()
    let address = ''
    const other = createOther(stage.sessions.other, stage)
    stage.serve('other.test', (request, response) => {
      if (!request.url?.startsWith('/hand-off?')) return other(request, response)
      // The attacker keeps the code of a hand-off of their own instead of using it.
      address = `${stage.other}${request.url}`
      response.end()
    })
    await page.goto(`${stage.other}/account`)
    stage.serve('other.test', other)
    expect(address).toContain('code=')
    const victims = await browser.newContext({ ignoreHTTPSErrors: true })
    const victim = await victims.newPage()
    stage.serve('evil.test', htmlPage(`<script>location = ${JSON.stringify(address)}</script>`))
    await victim.goto(stage.evil)
    await victim.waitForURL(`${stage.other}/**`)
    await victim.goto(stage.other)
    expect(await victim.textContent('p')).toBe('nobody')
    expect(stage.refusals).toEqual(['not-begun'])
    await victims.close()
  })

  it('LIO-10 the shop sends nobody and no code to an attacker’s site', async () => {
    await logInAtShop()
    const query = new URLSearchParams({ to: `${stage.evil}/hand-off`, challenge: 'a'.repeat(43) })
    const answer = await page.goto(`${stage.shop}/hand-off/issue?${query}`)
    expect([answer?.status(), new URL(page.url()).origin]).toEqual([400, stage.shop])
  })

  it('a page in a frame of another site gets no code: the shop’s cookie does not come along', async () => {
    await logInAtShop()
    stage.serve('evil.test', htmlPage(`<iframe src="${stage.other}/account"></iframe>`))
    const answer = page.waitForResponse((response) => response.url().includes('/hand-off/issue'))
    await page.goto(stage.evil)
    expect((await answer).status()).toBe(401)
  })
})

describe('CORS-01 with the cookie, in a browser', () => {
  /** Reads with credentials from the page that is open; `refused` where the browser does not show it. */
  const read = (init: { readonly method?: string; readonly headers?: Record<string, string> } = {}) =>
    page.evaluate(
      ([url, options]) =>
        fetch(url, { credentials: 'include', ...options }).then(
          (response) => response.text(),
          () => 'refused',
        ),
      [`${stage.shop}/me`, init] as const,
    )

  beforeEach(async () => {
    const cors = createCors({ origins: [stage.app] })
    const { shop } = stage.sessions
    const pages = htmlPage('<p>hello</p>')
    for (const host of ['app.shop.localhost', 'evil.test']) stage.serve(host, pages)
    await logInAtShop()
    stage.serve('shop.localhost', (request, response) => {
      if (applyCors(cors, request, response)) return
      void withSession(shop, request, response, (session) => {
        response.end(`${request.method} ${session.userId}`)
      })
    })
  })

  it('a page of a listed origin of the site reads and writes, after a preflight', async () => {
    await page.goto(stage.app)
    expect(await read()).toBe('GET ada')
    expect(await read({ method: 'PUT', headers: { 'content-type': 'application/json' } })).toBe('PUT ada')
  })

  it('pages of other origins read nothing, and neither does a sandboxed frame of the listed one', async () => {
    await page.goto(stage.evil)
    expect(await read()).toBe('refused')
    expect(await read({ method: 'PUT' })).toBe('refused')
    stage.serve('app.shop.localhost', (request, response) => {
      const isFrame = request.url === '/frame'
      const script = `fetch('${stage.shop}/me', { credentials: 'include' }).then(r => r.text(), () => 'refused')
        .then(text => { document.title = text; parent.postMessage(text, '*') })`
      const body = isFrame
        ? `<script>${script}</script>`
        : `<script>onmessage = ({ data }) => { document.title = data }</script><iframe sandbox="allow-scripts" src="/frame"></iframe>`
      htmlPage(body)(request, response)
    })
    await page.goto(stage.app)
    await page.waitForFunction('document.title !== ""')
    expect(await page.title()).toBe('refused')
  })
})

describe('P9 an event stream in a browser', () => {
  it('says that the session has ended, and is refused when the browser comes again', async () => {
    const { shop } = stage.sessions
    await logInAtShop()
    let asked = 0
    stage.serve('shop.localhost', (request, response) => {
      if (request.url !== '/events') return htmlPage('<p>hello</p>')(request, response)
      void withSession(shop, request, response, (session) => {
        asked++
        if (session.userId === null) return response.writeHead(204).end()
        const stream = createEventStream(shop, session)
        sendEventStream(shop, stream, response)
        stream.send({ data: session.userId, retry: 10 })
      })
    })
    await page.goto(stage.shop)
    await page.evaluate(`
      const source = new EventSource('/events')
      const note = (text) => { document.title += ' ' + text }
      source.onmessage = ({ data }) => note(data)
      source.addEventListener('session-ended', () => note('session-ended'))
      source.onerror = () => { if (source.readyState === EventSource.CLOSED) note('closed') }
    `)
    await page.waitForFunction('document.title.includes("ada")')
    await shop.revokeUser('ada')
    await page.waitForFunction('document.title.includes("closed")')
    expect(await page.title()).toBe('ada session-ended closed')
    expect(asked).toBe(2)
  })
})

function htmlPage(body: string): RequestListener {
  return (_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(body)
  }
}
