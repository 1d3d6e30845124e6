import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { workspaceRoot } from '../../scripts/workspace.ts'
import { type CodeBlock, codeBlocks, moduleText } from './code-blocks.ts'
import { compile } from './compile.ts'
import { readText, repositoryFiles } from './sources.ts'

const pages = repositoryFiles().filter((path) =>
  /^(README\.md|docs\/.*\.md|packages\/[^/]+\/README\.md)$/.test(path),
)
const blocks = pages.flatMap((page) => codeBlocks(page, readText(page)))

describe('code blocks of the documentation', () => {
  it('compile against the sources', () => {
    expect(compileBlocks(blocks)).toEqual([])
  })

  it('are left out only where the page says why', () => {
    const unexplained = blocks
      .filter((block) => block.ignored === '')
      .map((block) => `${block.page}:${block.line}`)
    expect(unexplained).toEqual([])
  })
})

describe('the check of code blocks', () => {
  it('reports a mistake with the page and its line', () => {
    const page = ['# Title', '', '```ts', 'const a: number = 1', `const b: number = 'one'`, '```'].join('\n')
    expect(compileBlocks(codeBlocks('docs/a.md', page))).toEqual([
      expect.stringMatching(/^docs\/a\.md:5 .*not assignable/),
    ])
  })

  it('lets a block import another one of its page, but not of another page', () => {
    const page = [
      '```ts',
      '// one.ts',
      'export const one = 1',
      '```',
      '```ts',
      `import { one } from './one.ts'`,
      'one + 1',
      '```',
    ]
    const other = ['```ts', `import { one } from './one.ts'`, 'one + 1', '```']
    expect(compileBlocks(codeBlocks('docs/a.md', page.join('\n')))).toEqual([])
    const both = [...codeBlocks('docs/a.md', page.join('\n')), ...codeBlocks('docs/b.md', other.join('\n'))]
    expect(compileBlocks(both)).toEqual([expect.stringContaining('docs/b.md:2')])
  })

  it('takes only TypeScript, and finds the reason of a block that is left out', () => {
    const page = [
      '```sh',
      'npm test',
      '```',
      '<!-- not compiled: a sketch of later work -->',
      '```ts ignore',
      'x(',
      '```',
      '```ts ignore',
      '```',
    ]
    const found = codeBlocks('docs/a.md', page.join('\n'))
    expect(found.map((block) => block.ignored)).toEqual(['a sketch of later work', ''])
    expect(compileBlocks(found)).toEqual([])
  })
})

/** Compiler errors of the blocks as `page:line message`. */
function compileBlocks(all: readonly CodeBlock[]): string[] {
  const compiled = all.filter((block) => block.ignored === null)
  if (compiled.length === 0) return []
  const parent = join(workspaceRoot, '.docs-check')
  mkdirSync(parent, { recursive: true })
  const directory = mkdtempSync(`${parent}/`)
  try {
    for (const block of compiled) {
      const file = join(directory, block.page, block.name)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, moduleText(block))
    }
    const errors = compile(directory, { noUnusedLocals: false })
    // What is wrong in the sources themselves is another test's business.
    const own = errors.filter((error) => !error.startsWith('../'))
    return own.map((error) => error.replace(/^(.*?\.md)\/[^(]*\((\d+),\d+\): error/, '$1:$2'))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
