import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FULL, measure, QUICK, settingsOf } from './measure.ts'
import { combined, parseParts, without } from './parts.ts'
import { drawCharts } from './report/charts.ts'
import { withJwtTable } from './report/jwt-guide.ts'
import { renderReport } from './report/report.ts'
import type { Results } from './results.ts'

const { values: flags } = parseArgs({
  options: {
    /** Little of everything, into a folder of its own: shows that it works, and proves nothing. */
    quick: { type: 'boolean', default: false },
    /** Measures nothing: the report of the results that are there. */
    render: { type: 'boolean', default: false },
    /** Parts to measure, separated by commas; the others keep the figures, date and commit that they have. */
    only: { type: 'string' },
  },
})
const here = import.meta.dirname
const resultsFile = join(here, flags.quick ? 'quick' : '.', 'results.json')
const reportDirectory = flags.quick ? join(here, 'quick') : join(here, '..', 'docs')

const results = flags.render ? readResults() : await measureParts()
if (!results) throw new Error('Nothing has been measured yet.')
writeReport(results)

async function measureParts(): Promise<Results> {
  const plan = flags.quick ? QUICK : FULL
  const parts = parseParts(flags.only)
  const old = flags.only === undefined ? null : readResults()
  const kept = old && without(old, parts, settingsOf(plan))
  const fresh = await measure(plan, parts, tell)
  const measured = kept ? combined(kept, fresh) : fresh
  mkdirSync(join(resultsFile, '..'), { recursive: true })
  writeFileSync(resultsFile, `${JSON.stringify(measured, null, 2)}\n`)
  return measured
}

function readResults(): Results | null {
  return existsSync(resultsFile) ? (JSON.parse(readFileSync(resultsFile, 'utf8')) as Results) : null
}

function writeReport(measured: Results): void {
  const charts = join(reportDirectory, 'benchmarks')
  mkdirSync(charts, { recursive: true })
  for (const { file, svg } of drawCharts(measured)) writeFileSync(join(charts, file), svg)
  writeFileSync(join(reportDirectory, 'benchmarks.md'), renderReport(measured))
  if (!flags.quick) writeGuide(measured)
  tell(`written: ${flags.quick ? 'bench/quick' : 'docs'}/benchmarks.md`)
}

function writeGuide(measured: Results): void {
  const guide = join(reportDirectory, 'guides', 'session-vs-jwt.md')
  writeFileSync(guide, withJwtTable(readFileSync(guide, 'utf8'), measured))
}

function tell(line: string): void {
  console.log(`${(process.uptime() / 60).toFixed(1).padStart(5)} min  ${line}`)
}
