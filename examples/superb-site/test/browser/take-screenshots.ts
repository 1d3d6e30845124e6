import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import { Shopper } from './shopper.ts'
import { launchBrowser, openStage } from './stage.ts'
import { TOUR } from './tour.ts'

const LOOKS = [
  { name: 'desktop', viewport: { width: 1280, height: 800 }, theme: 'light' },
  { name: 'phone', viewport: { width: 390, height: 844 }, theme: 'dark' },
  { name: 'desktop-dark', viewport: { width: 1280, height: 800 }, theme: 'dark' },
  { name: 'phone-light', viewport: { width: 390, height: 844 }, theme: 'light' },
] as const

/** Kept with the documentation; `--all` takes the others too. */
const KEPT = 2

/** The clock of the pictures, so that a new picture differs from the old one only where the shop does. */
const NOON = Date.UTC(2026, 9, 1, 12)

/** `npm run screenshots [-- --all] [-- --to directory]`: every page of the shop, on a desktop in the light theme and on a phone in the dark one. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { to: { type: 'string' }, all: { type: 'boolean' } } })
  const target = values.to ?? join(import.meta.dirname, '../../../../docs/screenshots')
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  const browser = await launchBrowser()
  try {
    for (const look of values.all ? LOOKS : LOOKS.slice(0, KEPT)) await takeTour(browser, target, look)
  } finally {
    await browser.close()
  }
  writeFileSync(join(target, 'README.md'), gallery())
}

/** The page that shows what is kept. */
function gallery(): string {
  const rows = TOUR.map(({ name }) => {
    const pictures = LOOKS.slice(0, KEPT).map(
      (look) => `<img src="${name}-${look.name}.jpg" alt="${name}, ${look.name}">`,
    )
    return `| ${name} | ${pictures.join(' | ')} |`
  })
  return `# Every page of the demo shop

Made by \`npm run screenshots\`, which walks through the shop in Chromium: on a desktop in the light theme, on a phone in the
dark one. Each page has both.

| page | desktop | phone |
| --- | --- | --- |
${rows.join('\n')}
`
}

async function takeTour(
  browser: Browser,
  target: string,
  { name, viewport, theme }: (typeof LOOKS)[number],
): Promise<void> {
  const stage = await openStage(NOON)
  const page = await browser.newPage({ viewport, colorScheme: theme, reducedMotion: 'reduce' })
  const shopper = new Shopper(page, stage.origin)
  for (const stop of TOUR) {
    await stop.visit(shopper)
    const path = join(target, `${stop.name}-${name}.jpg`)
    await page.screenshot({ path, fullPage: true, type: 'jpeg', quality: 80 })
  }
  console.log(`${TOUR.length} pages: ${name}`)
  await page.close()
  await stage.close()
}

await main()
