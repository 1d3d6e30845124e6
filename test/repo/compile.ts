import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { workspaceRoot } from '../../scripts/workspace.ts'

/** Runs the compiler with `args`; returns its messages, none where all is well. */
export function tsc(args: readonly string[], cwd: string): string[] {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  const run = spawnSync(process.execPath, [compiler, '--pretty', 'false', ...args], { cwd, encoding: 'utf8' })
  // Further lines of a message are indented.
  const messages = (run.stdout + run.stderr).split(/\n(?!\s)/).filter((line) => line !== '')
  return run.status === 0 || messages.length > 0 ? messages : [`tsc ended with ${run.status}`]
}

/** Compiles the TypeScript files of a directory under the workspace's rules and `options`; returns the errors. */
export function compile(directory: string, options: Readonly<Record<string, unknown>>): string[] {
  const base = relative(directory, join(workspaceRoot, 'tsconfig.json'))
  const config = { extends: base, compilerOptions: { noEmit: true, ...options }, include: ['**/*.ts'] }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
  return tsc(['-p', '.'], directory)
}
