import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser, openStage, type Stage } from './stage.ts'

const HOUR = 3_600_000
const TABS = 5

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())

describe('five tabs and a service worker', () => {
  it.each([0, -3 * HOUR, 3 * HOUR])(
    'share access tokens of 2 s for 20 s, with the server’s clock %d ms away: no call fails, and no token is replaced before its time',
    async (shift) => {
      const stage = await openStage({ accessTokenLife: '2s', shift })
      const context = await browser.newContext()
      try {
        const pages = await openTabs(stage, context)
        await signIn(pages[0] as Page)
        const results = (await Promise.all([
          ...pages.map((page) => page.evaluate(`work(client, 20_000, () => 80 + Math.random() * 60)`)),
          (pages[0] as Page).evaluate('tellWorker(20_000)'),
        ])) as { calls: number; failures: unknown[] }[]
        expect(results.map(({ failures }) => failures)).toEqual(results.map(() => []))
        expect(Math.min(...results.map(({ calls }) => calls))).toBeGreaterThan(50)
        report(stage, results)
        expectNoMoreThanNeeded(stage)
        await logOutEverywhere(pages)
      } finally {
        await context.close()
        await stage.close()
      }
    },
    90_000,
  )
})

/** Each refresh must have been due: the access token before it has at most a tenth and a bit of its life left. */
function expectNoMoreThanNeeded({ shop }: Stage): void {
  expect(shop.refreshed.length).toBeGreaterThan(8)
  expect(Math.max(...shop.refreshed)).toBeLessThanOrEqual(250)
}

function report({ shop }: Stage, results: readonly { calls: number }[]): void {
  const calls = results.reduce((sum, result) => sum + result.calls, 0)
  const repeated = shop.seen.filter(({ path, status }) => path === '/bearer/orders' && status === 401).length
  console.log(`${calls} calls, ${shop.refreshed.length} refreshes, ${repeated} repeated after a 401`)
}

async function logOutEverywhere(pages: readonly Page[]): Promise<void> {
  expect(await pages[3]?.evaluate('client.logout()')).toBe(true)
  for (const page of pages) {
    await page.waitForFunction('ends.length === 1')
    expect(await page.evaluate('client.isSignedIn')).toBe(false)
    expect(await page.evaluate(`client.fetch('orders').then((response) => response.status)`)).toBe(401)
  }
  await pages[0]?.waitForFunction(
    'tellWorker(0).then(({ ends, isSignedIn }) => ends === 1 && isSignedIn === false)',
  )
}

async function openTabs(stage: Stage, context: BrowserContext): Promise<Page[]> {
  const pages = await Promise.all(Array.from({ length: TABS }, () => context.newPage()))
  for (const page of pages) {
    await page.goto(stage.origin)
    await page.waitForFunction('window.createClient !== undefined')
    await page.evaluate(`import('/work.js').then((module) => {
      window.work = module.work
      window.client = createClient({ baseUrl: '/bearer/', mode: 'bearer' })
      window.ends = []
      client.onEnd((end) => ends.push(end))
    })`)
  }
  await pages[0]?.evaluate(`navigator.serviceWorker.register('/worker.js', { type: 'module' })
    .then(() => navigator.serviceWorker.ready)
    .then(({ active }) => {
      window.tellWorker = (milliseconds) => new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel()
        port1.onmessage = ({ data }) => resolve(data)
        active.postMessage({ milliseconds }, [port2])
      })
    })`)
  return pages
}

function signIn(page: Page): Promise<unknown> {
  return page.evaluate(`fetch('/bearer/login', { method: 'POST' })
    .then((response) => response.json())
    .then((tokens) => client.setTokens(tokens))`)
}
