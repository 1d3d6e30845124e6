import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, openStage, type Stage } from './stage.ts'

/** Everything that a page can find in its origin's storage, and what its cookies show to scripts. */
const DUMP = `(async () => {
  const found = [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)]
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve, reject) => {
      const opening = indexedDB.open(name)
      opening.onsuccess = () => resolve(opening.result)
      opening.onerror = () => reject(opening.error)
    })
    for (const store of database.objectStoreNames) {
      const all = database.transaction(store).objectStore(store).getAll()
      await new Promise((resolve) => { all.onsuccess = resolve })
      for (const value of all.result) {
        found.push(JSON.stringify(value))
        for (const key of Object.values(value)) {
          found.push(key.type + ' ' + key.extractable)
          const exported = await crypto.subtle.exportKey('jwk', key).catch((error) => error.name)
          if (key.type === 'private') found.push('exported: ' + JSON.stringify(exported))
        }
      }
    }
    database.close()
  }
  for (const name of await caches.keys()) {
    for (const { url } of await (await caches.open(name)).keys()) found.push(url)
  }
  return found
})()`

/** What tokens look like: ours, and signed ones. */
const TOKEN = /[\w-]{60,}/

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())

describe('a journey in a browser', () => {
  it('CLI-01 leaves no token in any storage: with a cookie', async () => {
    await onStage({}, async ({ origin }, context) => {
      const page = await openTab(origin, context, { baseUrl: '/api/', mode: 'cookie' })
      const journey = `(async () => {
        await client.fetch('login', { method: 'POST' })
        await client.fetch('orders', { method: 'POST', body: 'one' })
        return (await client.fetch('orders')).json()
      })()`
      expect(await page.evaluate(journey)).toEqual({ orders: 1 })
      expect((await context.cookies()).map(({ httpOnly, value }) => [httpOnly, TOKEN.test(value)])).toEqual([
        [true, true],
      ])
      const dump = (await page.evaluate(DUMP)) as string[]
      expect(dump.filter((text) => TOKEN.test(text))).toEqual([])
    })
  })

  it.each(['nonce', 'clock'] as const)(
    'CLI-01 DPOP-07 leaves no token and no key that could be copied, with the server’s clock 3 h away: proofs by %s',
    async (dpop) => {
      await onStage({ dpop, accessTokenLife: '2s', shift: 3 * 3_600_000 }, async (stage, context) => {
        const options = { baseUrl: '/bearer/', mode: 'bearer', dpop: true }
        const page = await openTab(stage.origin, context, options)
        const other = await openTab(stage.origin, context, options)
        await page.evaluate(BOUND_LOGIN)
        for (let i = 0; i < 6; i++) {
          for (const tab of [page, other]) {
            const call = `client.fetch('orders', { method: 'POST', body: 'x' }).then((response) => response.json())`
            expect(await tab.evaluate(call)).toEqual({ for: 'ann' })
            stage.clock.advance(400)
          }
        }
        expect(stage.shop.refreshed.length).toBeGreaterThan(1)
        const dump = (await page.evaluate(DUMP)) as string[]
        expect(dump.filter((text) => TOKEN.test(text))).toEqual([])
        expect(dump).toContain('private false')
        expect(dump).toContain('exported: "InvalidAccessError"')
        expect(await page.evaluate('client.logout()')).toBe(true)
        await other.waitForFunction('ends.length === 1')
      })
    },
  )

  it('CLI-01 keeps tokens where the application chose, until the end of the session', async () => {
    await onStage({}, async ({ origin }, context) => {
      const options = { baseUrl: '/bearer/', mode: 'bearer', tokenStorage: 'sessionStorage' }
      const page = await openTab(origin, context, options)
      await page.evaluate(LOGIN)
      await page.reload()
      await start(page, options)
      expect(await page.evaluate(STATUS)).toBe(200)
      await page.evaluate('client.logout()')
      expect(await page.evaluate('sessionStorage.length')).toBe(0)
    })
  })
})

describe('a logout with the network cut', () => {
  it.each([
    ['cookie', { baseUrl: '/api/', mode: 'cookie' }, `client.fetch('login', { method: 'POST' })`],
    ['bearer', { baseUrl: '/bearer/', mode: 'bearer' }, ''],
  ])(
    'CLI-02 clears both tabs at once, and the server hears of it later: %s',
    async (mode, options, login) => {
      await onStage({}, async ({ origin, shop }, context) => {
        const page = await openTab(origin, context, options)
        const other = await openTab(origin, context, options)
        await page.evaluate(login || LOGIN)
        expect(await other.evaluate(STATUS)).toBe(200)
        if (mode === 'cookie') await other.evaluate('client.status()')
        await context.setOffline(true)
        expect(await page.evaluate('client.logout()')).toBe(false)
        await other.waitForFunction('ends.length === 1')
        for (const tab of [page, other]) {
          expect(await tab.evaluate('[ends.length, ends[0].reason, client.isSignedIn]')).toEqual([
            1,
            'logout',
            false,
          ])
        }
        expect((await shop.sessions.list('ann')).sessions.length).toBe(1)
        await context.setOffline(false)
        await expect.poll(async () => (await shop.sessions.list('ann')).sessions.length).toBe(0)
        for (const tab of [page, other]) expect(await tab.evaluate(STATUS)).toBe(401)
      })
    },
  )
})

describe('a logout that a page has not lived to see through', () => {
  it('CLI-02 CLI-01 is paid by the next page of the browser, and leaves nothing in its storage', async () => {
    await onStage({}, async ({ origin, shop }, context) => {
      const options = { baseUrl: '/api/', mode: 'cookie' }
      const page = await openTab(origin, context, options)
      await page.evaluate(`client.fetch('login', { method: 'POST' })`)
      await context.setOffline(true)
      expect(await page.evaluate('client.logout()')).toBe(false)
      await page.close()
      await context.setOffline(false)
      const next = await openTab(origin, context, options)
      await expect.poll(async () => (await shop.sessions.list('ann')).sessions.length).toBe(0)
      expect(await next.evaluate(STATUS)).toBe(401)
      expect(await next.evaluate('[client.isSignedIn, localStorage.length]')).toEqual([false, 0])
    })
  })
})

describe('an end in a browser', () => {
  it('is foretold and told in all tabs, while one that is used lives on', async () => {
    await onStage({ idleTimeout: '10s' }, async ({ origin }, context) => {
      const options = { baseUrl: '/api/', mode: 'cookie' }
      const page = await openTab(origin, context, options)
      const other = await openTab(origin, context, options)
      for (const tab of [page, other]) {
        await tab.evaluate('window.soon = []; client.onExpiringSoon((one) => soon.push(one), { within: 7 })')
      }
      await page.evaluate(`client.fetch('login', { method: 'POST' })`)
      await other.evaluate(STATUS)
      for (let i = 0; i < 7; i++) {
        await page.evaluate('new Promise((resolve) => setTimeout(resolve, 1_000))')
        await page.evaluate(STATUS)
      }
      for (const tab of [page, other])
        expect(await tab.evaluate('[soon.length, ends.length]')).toEqual([0, 0])
      for (const tab of [page, other]) {
        await tab.waitForFunction('soon.length === 1 && soon[0].secondsLeft > 4')
        await tab.waitForFunction('ends.length === 1', null, { timeout: 20_000 })
      }
    })
  })

  it('is none where the page’s clock stood still: one refresh and the request again', async () => {
    await onStage({ accessTokenLife: '2s' }, async ({ origin, shop, clock }, context) => {
      const page = await context.newPage()
      await page.addInitScript('performance.now = () => 1_000')
      await page.goto(origin)
      await start(page, { baseUrl: '/bearer/', mode: 'bearer' })
      await page.evaluate(LOGIN)
      clock.advance(2_500)
      shop.seen.length = 0
      expect(await page.evaluate(STATUS)).toBe(200)
      expect(shop.seen.map(({ path, status }) => `${path} ${status}`)).toEqual([
        '/bearer/orders 401',
        '/bearer/token 200',
        '/bearer/orders 200',
      ])
    })
  })
})

describe('a foreign host in a browser', () => {
  it.each([
    ['cookie', { baseUrl: '/api/', mode: 'cookie' }, `client.fetch('login', { method: 'POST' })`],
    ['bearer', { baseUrl: '/bearer/', mode: 'bearer' }, ''],
  ])('CLI-03 gets no credential, by no spelling and no redirect: %s', async (_, options, login) => {
    await onStage({}, async ({ origin }, context) => {
      const page = await openTab(origin, context, options)
      await page.evaluate(login || LOGIN)
      const leaked: string[] = []
      await context.route('http://*.localhost/**', async (route) => {
        leaked.push(JSON.stringify(await route.request().allHeaders()))
        await route.fulfill({ status: 200, headers: { 'access-control-allow-origin': '*' }, body: '' })
      })
      const tries = `Promise.all(${JSON.stringify(FOREIGN)}.flatMap((target) => ['GET', 'POST'].map((method) =>
        client.fetch(target, { method }).then(() => 'sent', (error) => error.message))))`
      const outcomes = (await page.evaluate(tries)) as string[]
      expect(leaked.length).toBeGreaterThan(3)
      expect(leaked.filter((headers) => /authorization|x-csrf|dpop/i.test(headers))).toEqual([])
      expect(outcomes.at(-1)).toMatch(/Redirected/)
    })
  })
})

const FOREIGN = [
  'http://thief.localhost/take',
  '//thief.localhost/take',
  '\\\\thief.localhost\\take',
  'http://localhost@thief.localhost/take',
  'away',
]

const LOGIN = `fetch('/bearer/login', { method: 'POST' })
  .then((response) => response.json())
  .then((tokens) => client.setTokens(tokens))`

const BOUND_LOGIN = `client.fetch('login', { method: 'POST' })
  .then((response) => response.json())
  .then((tokens) => client.setTokens(tokens))`

const STATUS = `client.fetch('orders').then((response) => response.status)`

async function onStage(
  options: Parameters<typeof openStage>[0],
  act: (stage: Stage, context: BrowserContext) => Promise<void>,
): Promise<void> {
  const stage = await openStage(options)
  const context = await browser.newContext()
  try {
    await act(stage, context)
  } finally {
    await context.close()
    await stage.close()
  }
}

async function openTab(origin: string, context: BrowserContext, options: object): Promise<Page> {
  const page = await context.newPage()
  await page.goto(origin)
  await start(page, options)
  return page
}

async function start(page: Page, options: object): Promise<void> {
  await page.waitForFunction('window.createClient !== undefined')
  await page.evaluate(`{
    window.client = createClient(${JSON.stringify(options)})
    window.ends = []
    client.onEnd((end) => ends.push(end))
  }`)
}
