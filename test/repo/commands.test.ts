import { describe, expect, it } from 'vitest'
import { readText, repositoryFiles } from './sources.ts'

const BUILT_IN = ['test', 'start']

describe('commands in the documentation', () => {
  it('are scripts of the workspace', () => {
    const pages = repositoryFiles().filter((path) => path.endsWith('.md'))
    const unknown = pages.flatMap((page) =>
      commands(readText(page))
        .filter((name) => !(name in scripts()))
        .map((name) => `${page}: npm run ${name}`),
    )
    expect(unknown).toEqual([])
  })

  it('in the README are the ones that .ci/run runs', () => {
    const readme = readText('README.md')
    const ci = readText('.ci/run')
    for (const command of ['npm ci', 'npm test']) {
      expect(readme).toContain(command)
      expect(ci).toMatch(new RegExp(`^(tests\\(\\) \\{ CI=true )?${command}\\b`, 'm'))
    }
  })

  it('are found in running text and in code', () => {
    expect(commands('Run `npm run build`, then npm test.\n    npm run soak -- --seed 1\nnpm start')).toEqual([
      'build',
      'test',
      'soak',
      'start',
    ])
  })
})

function scripts(): Readonly<Record<string, string>> {
  return (JSON.parse(readText('package.json')) as { scripts: Record<string, string> }).scripts
}

/** Names of the scripts that a text tells the reader to run. */
function commands(text: string): string[] {
  const found = text.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)
  return [...found].flatMap(([, script, short]) => script ?? BUILT_IN.filter((name) => name === short))
}
