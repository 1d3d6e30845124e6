import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** WCAG 2.2 A and AA, and what the authors of axe think best. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** What axe-core finds on a page that was opened with `bypassCSP`, as `rule (how serious): what, where`. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const options = JSON.stringify({ runOnly: { type: 'tag', values: RULES } })
  const results: AxeResults = await page.evaluate(`axe.run(document, ${options})`)
  return results.violations.flatMap(({ id, impact, help, nodes }) =>
    nodes.map(({ target }) => `${id} (${impact}): ${help}, ${target.join(' ')}`),
  )
}
