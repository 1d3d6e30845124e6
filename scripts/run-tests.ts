import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { display, type TestPart, workspaceRoot } from './workspace.ts'

/** How many tests passed, failed and were skipped. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** The part of vitest's JSON report that is read here. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

export interface RunResult {
  readonly exitCode: number
  readonly report: VitestReport
}

/** Runs vitest with its live report on this terminal; `args` are handed on to it. */
export function runVitest(args: readonly string[], environment: NodeJS.ProcessEnv = {}): RunResult {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-tests-'))
  const file = join(directory, 'report.json')
  try {
    const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
    const run = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...args], {
      cwd: workspaceRoot,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environment },
    })
    const report = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as VitestReport)
      : { testResults: [] }
    return { exitCode: run.status ?? 1, report }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Counts of the whole run; `null` as the part's name takes every file. A file that could not be loaded is one failure. */
export function count(report: VitestReport, part: TestPart | null): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of report.testResults) {
    if (part && !display(file.name).startsWith(part.directory)) continue
    const failedBefore = counts.failed
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed++
      else if (test.status === 'failed') counts.failed++
      else counts.skipped++
    }
    if (file.status === 'failed' && counts.failed === failedBefore) counts.failed++
  }
  return counts
}

/** Full names of the tests that did not run. */
function skippedTests(report: VitestReport): string[] {
  return report.testResults.flatMap((file) =>
    file.assertionResults
      .filter((test) => test.status !== 'passed' && test.status !== 'failed')
      .map((test) => `${display(file.name)} › ${test.fullName}`),
  )
}

/** `12 passed, 1 failed`, and `, 2 skipped` where there are any. */
export function summary(counts: Counts): string {
  const line = `${counts.passed} passed, ${counts.failed} failed`
  return counts.skipped > 0 ? `${line}, ${counts.skipped} skipped` : line
}

/**
 * Prints the counts per part and, as the last line, the sum. Returns the exit code: 0 only where vitest agrees, tests
 * ran, none failed and `problems` is empty. Each problem counts as one failure.
 */
export function conclude(result: RunResult, parts: readonly TestPart[], problems: readonly string[]): number {
  const total = count(result.report, null)
  const found = [...problems]
  if (total.passed + total.failed === 0) found.push('No test ran.')
  else if (result.exitCode !== 0 && total.failed === 0)
    found.push('vitest failed outside any test, see above.')
  for (const name of skippedTests(result.report)) console.log(`skipped: ${name}`)
  for (const part of parts) console.log(`${part.name.padEnd(14)} ${summary(count(result.report, part))}`)
  for (const problem of found) console.log(`FAILED: ${problem}`)
  console.log(summary({ ...total, failed: total.failed + found.length }))
  return total.failed + found.length > 0 ? 1 : 0
}
