import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { workspaceRoot } from '../../scripts/workspace.ts'
import { libraryEntries } from './entries.ts'
import { parseSource, readText, type Source } from './sources.ts'

const PAGE = 'docs/architecture.md'
const PROMISES = Array.from({ length: 12 }, (_, index) => `P${index + 1}`)

describe('docs/architecture.md', () => {
  it('names for the promises P1 to P12 tests that exist', ({ skip }) => {
    if (!existsSync(join(workspaceRoot, PAGE)) && process.env.CI !== 'true')
      skip(`${PAGE} is not written yet`)
    const page = readText(PAGE)
    expect(unmentioned(page)).toEqual([])
    expect(claims(page).length).toBeGreaterThan(0)
    expect(brokenClaims(page, read)).toEqual([])
  })
})

describe('the check of promises', () => {
  const files: Readonly<Record<string, string>> = {
    'a/one.test.ts': `import { cases } from './cases.ts'\nit('P1 a late write does not bring it back', () => {})`,
    'a/cases.ts': `export const cases = ['P2 both writes survive']`,
  }
  const readMade = (path: string) => files[path] ?? null

  it('reads claims in lists and tables', () => {
    const page =
      '- P1: `a/one.test.ts` › `P1 a late write does not bring it back`\n| P2 | a/one.test.ts › P2 both writes survive |'
    expect(claims(page)).toEqual([
      { promise: 'P1', file: 'a/one.test.ts', test: 'P1 a late write does not bring it back' },
      { promise: 'P2', file: 'a/one.test.ts', test: 'P2 both writes survive' },
    ])
    expect(brokenClaims(page, readMade)).toEqual([])
  })

  it('fails for a file or a test that does not exist', () => {
    const page = 'P1: a/gone.test.ts › anything\nP3: a/one.test.ts › P3 nobody wrote this'
    expect(brokenClaims(page, readMade)).toEqual([
      'P1: a/gone.test.ts does not exist',
      `P3: a/one.test.ts has no test 'P3 nobody wrote this'`,
    ])
  })

  it('fails for a promise that is not mentioned', () => {
    expect(unmentioned('P1 P2 P3 P4 P5 P6 P7 P8 P9 P11 P12')).toEqual(['P10'])
  })
})

interface Claim {
  readonly promise: string
  readonly file: string
  readonly test: string
}

/** Lines of the form `P1: test file › test name`, with or without backquotes, lists and tables. */
function claims(page: string): Claim[] {
  return page.split('\n').flatMap((line) => {
    const [, promise, file, test] =
      /\b(P\d+)\b.*?([\w./-]+\.test(?:-d)?\.ts)`?\s*›\s*`?(.+?)`?[\s|]*$/.exec(line) ?? []
    return promise && file && test ? [{ promise, file, test }] : []
  })
}

function brokenClaims(page: string, readFile: (path: string) => string | null): string[] {
  return claims(page).flatMap(({ promise, file, test }) => {
    const strings = stringsReachable(file, readFile)
    if (!strings) return [`${promise}: ${file} does not exist`]
    return strings.has(test) ? [] : [`${promise}: ${file} has no test '${test}'`]
  })
}

function unmentioned(page: string): string[] {
  return PROMISES.filter((promise) => !new RegExp(`\\b${promise}\\b`).test(page))
}

/** String literals of a test file and of all it imports: the names of contract cases stand in the files that declare them. */
function stringsReachable(start: string, readFile: (path: string) => string | null): Set<string> | null {
  const first = readFile(start)
  if (first === null) return null
  const strings = new Set<string>()
  const seen = new Set([start])
  const queue = [parseSource(start, first)]
  for (let source = queue.pop(); source; source = queue.pop()) {
    for (const text of source.strings) strings.add(text)
    for (const path of importedFiles(source)) {
      const text = seen.has(path) ? null : readFile(path)
      seen.add(path)
      if (text !== null) queue.push(parseSource(path, text))
    }
  }
  return strings
}

function importedFiles(source: Source): string[] {
  const entries = new Map(libraryEntries().map((entry) => [entry.name, entry.source]))
  return source.imports.flatMap(({ file, specifier }) => file ?? entries.get(specifier) ?? [])
}

function read(path: string): string | null {
  return existsSync(join(workspaceRoot, path)) ? readText(path) : null
}
