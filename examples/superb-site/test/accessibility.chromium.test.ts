import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Shopper } from './browser/shopper.ts'
import { launchBrowser, openStage, type Stage } from './browser/stage.ts'
import { TOUR } from './browser/tour.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** WCAG 2.2 A and AA, and what the authors of axe think best. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())

describe.each(['light', 'dark'] as const)(
  'axe-core finds nothing on any page in the %s theme',
  (colorScheme) => {
    let stage: Stage
    let page: Page
    let shopper: Shopper

    beforeAll(async () => {
      stage = await openStage()
      page = await browser.newPage({ colorScheme, bypassCSP: true, reducedMotion: 'reduce' })
      shopper = new Shopper(page, stage.origin)
    })
    afterAll(async () => {
      await page.close()
      await stage.close()
    })

    for (const stop of TOUR) {
      it(stop.name, async () => {
        await stop.visit(shopper)
        expect(await findings(page)).toEqual([])
      })
    }
  },
)

describe('the check with axe-core', () => {
  it('finds faults', async () => {
    const page = await browser.newPage()
    await page.setContent('<p style="color: #bbb; background: #fff">Hardly to be read <input></p>')
    expect(await findings(page)).toEqual(
      expect.arrayContaining([expect.stringContaining('color-contrast'), expect.stringContaining('label')]),
    )
    await page.close()
  })
})

/** As `rule (how serious): what, where`. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const options = JSON.stringify({ runOnly: { type: 'tag', values: RULES } })
  const results: AxeResults = await page.evaluate(`axe.run(document, ${options})`)
  return results.violations.flatMap(({ id, impact, help, nodes }) =>
    nodes.map(({ target }) => `${id} (${impact}): ${help}, ${target.join(' ')}`),
  )
}
