import { writeFileSync } from 'node:fs'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

/** What one run of vitest came to. */
export interface Report {
  readonly files: readonly FileReport[]
  /** Errors outside any test, such as a rejected promise that nobody handled. */
  readonly strayErrors: number
}

export interface FileReport {
  readonly path: string
  /** Whether a test of it failed, or it could not be loaded, or its set-up failed. */
  readonly failed: boolean
  readonly tests: readonly TestReport[]
}

export interface TestReport {
  readonly name: string
  readonly state: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped, where the test says so. */
  readonly note: string | null
}

/** A reporter for vitest that writes a `Report` to the file named by COATCHECK_REPORT. */
// biome-ignore lint/style/noDefaultExport: vitest takes a reporter's class from the default export
export default class ReportWriter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const path = process.env.COATCHECK_REPORT
    if (!path) throw new Error('COATCHECK_REPORT must name the file for the report.')
    const report: Report = { files: modules.map(fileReport), strayErrors: errors.length }
    writeFileSync(path, JSON.stringify(report))
  }
}

function fileReport(module: TestModule): FileReport {
  const tests = [...module.children.allTests()].map(testReport)
  return { path: module.moduleId, failed: !module.ok(), tests }
}

function testReport(test: TestCase): TestReport {
  const result = test.result()
  const note = result.state === 'skipped' ? (result.note ?? null) : null
  return { name: test.fullName, state: result.state === 'pending' ? 'skipped' : result.state, note }
}
