import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { findEngine, howToGet, parseEngines, readEngines, requireEngine } from '../../scripts/engines.ts'
import type { TestReport } from '../../scripts/report.ts'
import { conclude, count, type RunResult, summary } from '../../scripts/run-tests.ts'
import { workspaceRoot } from '../../scripts/workspace.ts'

const part = { name: 'a', directory: 'packages/a/test/' }

describe('npm test', () => {
  let lines: string[]

  beforeEach(() => {
    lines = []
    vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line))
  })

  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('ends with the plain line of counts, and with exit code 0 where all passed', () => {
    expect(conclude(result(0, ['passed', 'passed']), [part], [])).toBe(0)
    expect(lines).toEqual(['a              2 passed, 0 failed', '2 passed, 0 failed'])
  })

  it('names the tests that were skipped, and why', () => {
    expect(conclude(result(0, ['passed', 'skipped']), [], [])).toBe(0)
    expect(lines).toEqual([
      'skipped: packages/a/test/one.test.ts › test 1: no IPv6 here',
      '1 passed, 0 failed, 1 skipped',
    ])
  })

  it('fails where a test failed', () => {
    expect(conclude(result(1, ['passed', 'failed']), [], [])).toBe(1)
    expect(lines.at(-1)).toBe('1 passed, 1 failed')
  })

  it('fails where no test ran', () => {
    expect(conclude(result(0, []), [], [])).toBe(1)
    expect(conclude(result(0, ['skipped']), [], [])).toBe(1)
    expect(lines.at(-1)).toBe('0 passed, 1 failed, 1 skipped')
  })

  it('fails where an error happened outside any test, or vitest itself failed', () => {
    const { report } = result(1, ['passed'])
    expect(conclude({ exitCode: 1, report: { ...report, strayErrors: 2 } }, [], [])).toBe(1)
    expect(lines).toEqual(['FAILED: 2 error(s) outside any test, see above.', '1 passed, 1 failed'])
    expect(conclude({ exitCode: 1, report }, [], [])).toBe(1)
    expect(lines.at(-1)).toBe('1 passed, 1 failed')
  })

  it('counts each problem of the machine as a failure', () => {
    expect(conclude(result(0, ['passed']), [], ['left out: no browser'])).toBe(1)
    expect(lines).toEqual(['FAILED: left out: no browser', '1 passed, 1 failed'])
  })
})

describe('counts', () => {
  it('take a file that could not be loaded, or whose set-up failed, as one failure', () => {
    expect(count(result(1, [], true).report, null)).toEqual({ passed: 0, failed: 1, skipped: 0 })
    expect(count(result(1, ['skipped'], true).report, null)).toEqual({ passed: 0, failed: 1, skipped: 1 })
    expect(count(result(1, ['failed'], true).report, null)).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })

  it('can be taken of one part', () => {
    const { report } = result(0, ['passed'])
    expect(summary(count(report, part))).toBe('1 passed, 0 failed')
    expect(summary(count(report, { name: 'b', directory: 'packages/b/test/' }))).toBe('0 passed, 0 failed')
  })
})

describe('engines', () => {
  it('are read from a table with comments', () => {
    expect(parseEngines('# title\n\nredis  redis-server  redis-server valkey-server\n')).toEqual([
      { name: 'redis', debianPackage: 'redis-server', commands: ['redis-server', 'valkey-server'] },
    ])
    expect(() => parseEngines('redis')).toThrow(/'redis' needs a name, a Debian package and a command/)
    expect(readEngines().length).toBeGreaterThan(0)
  })

  it('are found on the PATH or by a path with patterns, else the answer says how to get them', () => {
    const engine = { name: 'shell', debianPackage: 'dash' }
    expect(findEngine({ ...engine, commands: ['no-such-shell', 'sh'] })).toMatch(/\/sh$/)
    expect(findEngine({ ...engine, commands: ['/usr/*in/sh'] })).toBe('/usr/bin/sh')
    expect(findEngine({ ...engine, commands: ['no-such-shell', '/none/*/sh'] })).toBeNull()
    expect(howToGet({ ...engine, commands: ['sh'] })).toContain('apt-get install dash')
    expect(() => requireEngine('no-such-engine')).toThrow(/has no engine 'no-such-engine'/)
  })
})

function result(exitCode: number, states: readonly TestReport['state'][], failed = false): RunResult {
  const tests = states.map((state, index) => ({
    name: `test ${index}`,
    state,
    note: state === 'skipped' ? 'no IPv6 here' : null,
  }))
  const path = `${workspaceRoot}/packages/a/test/one.test.ts`
  return { exitCode, report: { files: [{ path, failed, tests }], strayErrors: 0 } }
}
