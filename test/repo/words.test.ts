import { describe, expect, it } from 'vitest'
import { readText, repositoryFiles } from './sources.ts'

// Written in pieces so that this file does not contain them.
const PATTERNS = [
  ['an absolute path of one machine', /\/(work|root|home\/\w+)\//],
  ['a temporary file', new RegExp(['/tmp', 'brief'].join('/'))],
  ['a word of somebody else', new RegExp(['\\bfarm', '|sub', 'agent'].join('').replace('|', '-|'), 'i')],
] as const

const BINARY = /\.(png|jpg|gif|ico|woff2?|gz|tgz|db)$/

describe('words', () => {
  it('of machines and tools that are no part of the project appear in no file', () => {
    const faults = repositoryFiles()
      .filter((path) => !BINARY.test(path))
      .flatMap((path) => faultsIn(path, readText(path)))
    expect(faults).toEqual([])
  })

  it('are found wherever they stand in a line', () => {
    const paths = ['work', 'root', 'home/jane'].map((directory) => `see /${directory}/notes`)
    const words = [['farm', '1'].join('-'), ['Sub', 'agents'].join('')]
    const text = [...paths, ...words, 'workspace', 'https://example.org/tmp/a'].join('\n')
    expect(faultsIn('a.md', text).map((fault) => fault.split(' ')[0])).toEqual(
      [1, 2, 3, 4, 5].map((line) => `a.md:${line}`),
    )
  })
})

function faultsIn(path: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      PATTERNS.filter(([, pattern]) => pattern.test(line)).map(
        ([what]) => `${path}:${index + 1} ${what}: ${line.trim()}`,
      ),
    )
}
