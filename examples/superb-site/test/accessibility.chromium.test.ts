import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { axeFindings } from './browser/axe.ts'
import { Shopper } from './browser/shopper.ts'
import { launchBrowser, openStage, type Stage } from './browser/stage.ts'
import { TOUR } from './browser/tour.ts'

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
        expect(await axeFindings(page)).toEqual([])
      })
    }
  },
)

describe('the check with axe-core', () => {
  it('finds faults', async () => {
    const page = await browser.newPage()
    await page.setContent('<p style="color: #bbb; background: #fff">Hardly to be read <input></p>')
    expect(await axeFindings(page)).toEqual(
      expect.arrayContaining([expect.stringContaining('color-contrast'), expect.stringContaining('label')]),
    )
    await page.close()
  })
})
