import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const here = import.meta.dirname
const files = readdirSync(here).filter((name) => name.endsWith('.test-d.ts'))

describe('types', () => {
  it('hold in every type test: what must compile does, and what must not does not', () => {
    expect(files.length).toBeGreaterThan(0)
    expect(compile(files.map((name) => [name, readFileSync(join(here, name), 'utf8')]))).toEqual([])
  })

  it('are really looked at: a mistake that is expected and not made is an error, and so is one that is not expected', () => {
    const text = [
      "import { createSessions } from 'coatcheck'",
      "import { memory } from 'coatcheck/memory'",
      '// @ts-expect-error nothing is wrong here',
      "createSessions({ store: memory(), idleTimeout: '30m' })",
      "createSessions({ store: memory(), idleTimeout: '30 min' })",
    ]
    expect(compile([['wrong.test-d.ts', text.join('\n')]])).toEqual([
      expect.stringMatching(/wrong\.test-d\.ts\(3,1\): error TS2578/),
      expect.stringMatching(/wrong\.test-d\.ts\(5,\d+\): error TS/),
    ])
  })
})

/** Compiles copies of the files beside this one, under the rules of the workspace; answers the errors. */
function compile(sources: readonly (readonly [name: string, text: string])[]): string[] {
  const directory = mkdtempSync(join(here, '.compiled-'))
  try {
    for (const [name, text] of sources) writeFileSync(join(directory, name), text)
    const config = {
      extends: '../../../../../tsconfig.json',
      compilerOptions: { noEmit: true },
      include: ['*.ts'],
    }
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
    const compiler = join(
      dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
      'bin/tsc',
    )
    const { stdout } = spawnSync(process.execPath, [compiler, '--pretty', 'false', '-p', directory], {
      encoding: 'utf8',
    })
    return stdout.split('\n').filter((line) => line.includes('error TS'))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
