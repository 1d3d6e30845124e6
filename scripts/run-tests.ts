import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Report } from './report.ts'
import { display, type TestPart, workspaceRoot } from './workspace.ts'

/** How many tests passed, failed and were skipped. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export interface RunResult {
  readonly exitCode: number
  readonly report: Report
}

/** Runs vitest with its live report on this terminal; `args` are handed on to it. */
export function runVitest(args: readonly string[], environment: NodeJS.ProcessEnv = {}): RunResult {
  // Ctrl-C reaches vitest too; what it leaves behind is removed after it.
  process.once('SIGINT', () => {})
  const directory = mkdtempSync(join(roomyDirectory(), 'coatcheck-tests-'))
  // Some servers that tests start run as somebody else.
  chmodSync(directory, 0o711)
  const file = join(directory, 'report.json')
  try {
    const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
    const reporters = ['--reporter=default', `--reporter=${join(workspaceRoot, 'scripts/report.ts')}`]
    const run = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...args], {
      cwd: workspaceRoot,
      stdio: ['ignore', 'inherit', 'inherit'],
      // Hundreds of processes and threads start from the same sources: each is compiled once.
      env: {
        NODE_COMPILE_CACHE: join(directory, 'compiled'),
        ...process.env,
        TMPDIR: directory,
        COATCHECK_REPORT: file,
        ...environment,
      },
    })
    return { exitCode: run.status ?? 1, report: readReport(file) }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** In memory where there is plenty of it: tests are not about disks, and wait for them at every commit of a database. */
function roomyDirectory(): string {
  const memory = '/dev/shm'
  if (!existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > ROOM ? memory : tmpdir()
}

const ROOM = 4_000_000_000

/** Counts of one part, or of everything for `null`. A file that failed without a failed test counts as one failure. */
export function count(report: Report, part: TestPart | null): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  for (const file of report.files) {
    if (part && !display(file.path).startsWith(part.directory)) continue
    for (const test of file.tests) counts[test.state]++
    if (file.failed && !file.tests.some((test) => test.state === 'failed')) counts.failed++
  }
  return counts
}

/** `12 passed, 1 failed`, and `, 2 skipped` where there are any. */
export function summary(counts: Counts): string {
  const line = `${counts.passed} passed, ${counts.failed} failed`
  return counts.skipped > 0 ? `${line}, ${counts.skipped} skipped` : line
}

/**
 * Prints what was skipped and why, the counts per part and, as the last line, the sum. Returns the exit code: 0 only
 * where vitest agrees, tests ran, none failed and `problems` is empty. Each problem counts as one failure.
 */
export function conclude(result: RunResult, parts: readonly TestPart[], problems: readonly string[]): number {
  const total = count(result.report, null)
  const found = [...problems, ...problemsOf(result, total)]
  for (const line of skippedTests(result.report)) console.log(line)
  for (const part of parts) console.log(`${part.name.padEnd(14)} ${summary(count(result.report, part))}`)
  for (const problem of found) console.log(`FAILED: ${problem}`)
  console.log(summary({ ...total, failed: total.failed + found.length }))
  return total.failed + found.length > 0 ? 1 : 0
}

function readReport(file: string): Report {
  if (!existsSync(file)) return { files: [], strayErrors: 0 }
  return JSON.parse(readFileSync(file, 'utf8')) as Report
}

function problemsOf({ exitCode, report }: RunResult, total: Counts): string[] {
  if (report.strayErrors > 0) return [`${report.strayErrors} error(s) outside any test, see above.`]
  if (total.passed + total.failed === 0) return ['No test ran.']
  return exitCode !== 0 && total.failed === 0 ? [`vitest ended with exit code ${exitCode}, see above.`] : []
}

function skippedTests(report: Report): string[] {
  return report.files.flatMap((file) =>
    file.tests
      .filter((test) => test.state === 'skipped')
      .map((test) => `skipped: ${display(file.path)} › ${test.name}: ${test.note ?? 'no reason given'}`),
  )
}
