import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { workspaceRoot } from '../../scripts/workspace.ts'
import { LIBRARY } from './entries.ts'
import { readText } from './sources.ts'

const REFUSED = [
  ['noRestrictedGlobals', 'http/a.ts', 'export const at = Date.now()'],
  ['noRestrictedGlobals', 'stores/a.ts', 'export const at = performance.now()'],
  ['noRestrictedGlobals', 'core/a.ts', 'export const id = crypto.randomUUID()'],
  ['noRestrictedGlobals', 'core/b.ts', 'export const home = process.env'],
  ['noRestrictedGlobals', 'core/c.ts', 'export const clock = globalThis.Date'],
  ['noRestrictedGlobals', 'adapters/a.ts', 'setTimeout(() => undefined, 1)'],
  ['noJsRestrictedProperties', 'core/d.ts', 'export const odds = Math.random()'],
  ['noJsRestrictedProperties', 'core/e.ts', 'const { random } = Math; export const odds = random()'],
  [
    'noRestrictedImports',
    'stores/b.ts',
    `import { randomBytes } from 'node:crypto'; export const id = randomBytes(1)`,
  ],
  [
    'noNodejsModules',
    'http/b.ts',
    `import { readFileSync } from 'node:fs'; export const read = readFileSync`,
  ],
  ['noNodejsModules', 'index.ts', `import { readFileSync } from 'node:fs'; export const read = readFileSync`],
  ['noUndeclaredDependencies', 'stores/c.ts', `import fc from 'fast-check'; export const check = fc`],
  ['noConsole', 'core/f.ts', `console.log('here')`],
  ['noExplicitAny', 'core/g.ts', 'export const a = (b: any) => b'],
  ['noNonNullAssertion', 'core/h.ts', 'export const a = (b: string | null) => b!.length'],
  ['noFloatingPromises', 'core/i.ts', 'async function save() {}; export function run() { save() }'],
  ['useImportType', 'core/j.ts', `import { Json } from './json.ts'; export type A = Json`],
  ['noDefaultExport', 'core/k.ts', 'export default 1'],
  ['noBarrelFile', 'core/l.ts', `export { isCoatcheckError } from './errors.ts'`],
  [
    'noExcessiveCognitiveComplexity',
    'core/m.ts',
    `export function a(n: number) { ${'if (n) '.repeat(6)}a(n) }`,
  ],
  ['useFilenamingConvention', 'core/NotKebab.ts', 'export const a = 1'],
] as const

const ALLOWED = [
  ['the clock', 'core/platform.ts', 'export const a = () => Date.now() + performance.now() + Math.random()'],
  [
    'modules of Node',
    'stores/d.ts',
    `import { readFileSync } from 'node:fs'; export const read = readFileSync`,
  ],
  ['re-exports', 'testing/index.ts', `export { read } from '../stores/d.ts'`],
] as const

let directory: string
let rulesBroken: Map<string, string[]>

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-lint-'))
  copyFileSync(join(workspaceRoot, LIBRARY, 'package.json'), file('package.json'))
  writeFileSync(join(directory, 'biome.json'), JSON.stringify(configuration()))
  for (const [, path, text] of [...REFUSED, ...ALLOWED]) writeFileSync(file(`src/${path}`), text)
  rulesBroken = lint()
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('lint', () => {
  it.each(REFUSED)('breaks %s in %s: %s', (rule, path) => {
    expect(rulesBroken.get(path) ?? []).toContain(rule)
  })

  it.each(ALLOWED)('allows %s in %s', (_what, path) => {
    expect(rulesBroken.get(path)).toBeUndefined()
  })
})

/** The workspace's own rules, in a directory that is no git repository. */
function configuration(): unknown {
  const { vcs: _, $schema: __, ...rest } = JSON.parse(readText('biome.json')) as Record<string, unknown>
  return { ...rest, root: true }
}

function file(path: string): string {
  const absolute = join(directory, LIBRARY, path)
  mkdirSync(dirname(absolute), { recursive: true })
  return absolute
}

interface BiomeReport {
  readonly diagnostics: readonly { readonly category: string; readonly location: { readonly path: string } }[]
}

/** Names of the rules that each file below src breaks. */
function lint(): Map<string, string[]> {
  const biome = join(
    dirname(createRequire(import.meta.url).resolve('@biomejs/biome/package.json')),
    'bin/biome',
  )
  const run = spawnSync(process.execPath, [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '.'], {
    cwd: directory,
    encoding: 'utf8',
  })
  const { diagnostics } = JSON.parse(run.stdout) as BiomeReport
  const rules = new Map<string, string[]>()
  for (const { category, location } of diagnostics) {
    const path = location.path.slice(`${LIBRARY}/src/`.length)
    rules.set(path, [...(rules.get(path) ?? []), category.slice(category.lastIndexOf('/') + 1)])
  }
  return rules
}
