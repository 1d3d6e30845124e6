import { describe, expect, it } from 'vitest'
import { isProgram, parseSource, repositorySources, type Source } from './sources.ts'

const sources = repositorySources()

describe('the type checker and the linter', () => {
  it('are never side-stepped by the type any', () => {
    expect(anyTypes(sources)).toEqual([])
  })

  it('are never silenced without a reason, and the type checker never in program text', () => {
    expect(badSuppressions(sources)).toEqual([])
  })
})

describe('the rules of suppressions', () => {
  it('find any wherever a type can stand', () => {
    const text =
      'const a: any = 1\nconst b = a as any\ntype C = Map<string, any>\nconst any = 1\nlet d: unknown'
    expect(anyTypes([parseSource('a.ts', text)])).toEqual(['a.ts:1', 'a.ts:2', 'a.ts:3'])
  })

  it.each([
    '// @ts-ignore the types are wrong here',
    '// @ts-nocheck',
    '// @ts-expect-error the types are wrong here',
    '// biome-ignore lint/suspicious/noConsole: x',
    '/* biome-ignore-all lint: */',
    '// eslint-disable-next-line',
    '/* v8 ignore next */',
  ])('refuse in program text: %s', (comment) => {
    expect(badSuppressions([parseSource('packages/a/src/a.ts', `${comment}\nwork()`)])).toHaveLength(1)
  })

  it('refuse @ts-expect-error in a test without saying why', () => {
    expect(
      badSuppressions([parseSource('packages/a/test/a.test.ts', '// @ts-expect-error\nwork()')]),
    ).toHaveLength(1)
  })

  it('allow a lint suppression with a reason, and @ts-expect-error with one in tests', () => {
    const lint = '// biome-ignore lint/suspicious/noConsole: the command prints its result here\nwork()'
    const types = '// @ts-expect-error a misspelt unit does not compile\nwork()'
    expect(badSuppressions([parseSource('packages/a/src/a.ts', lint)])).toEqual([])
    expect(badSuppressions([parseSource('packages/a/test/a.test-d.ts', types)])).toEqual([])
  })
})

function anyTypes(files: readonly Source[]): string[] {
  return files.flatMap(({ path, anyLines }) => anyLines.map((line) => `${path}:${line}`))
}

function badSuppressions(files: readonly Source[]): string[] {
  return files.flatMap(({ path, comments }) =>
    comments
      .filter(({ text }) => isSuppression(text) && !isReasoned(text, isProgram(path)))
      .map(({ line, text }) => `${path}:${line} ${text}`),
  )
}

function isSuppression(comment: string): boolean {
  return /^(@ts-(ignore|nocheck|expect-error)|biome-ignore|eslint-disable|oxlint-disable|(v8|c8|istanbul) ignore)/.test(
    comment,
  )
}

/** A reason is more than a word, so that `biome-ignore lint: no` is none. */
function isReasoned(comment: string, inProgram: boolean): boolean {
  const reason = /^(?:biome-ignore[^:]*:|@ts-expect-error)\s+(.*)$/s.exec(comment)?.[1] ?? ''
  const mayStand = comment.startsWith('biome-ignore') || !inProgram
  return mayStand && reason.split(/\s+/).length >= 2
}
