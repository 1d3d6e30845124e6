import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { workspaceRoot } from '../../scripts/workspace.ts'
import { tsc } from './compile.ts'
import { LIBRARY, libraryEntries } from './entries.ts'
import { readText } from './sources.ts'

const names = libraryEntries().map((entry) => entry.name)

let directory: string
let application: string
let installed: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-packed-'))
  application = join(directory, 'application')
  installed = join(application, 'node_modules/coatcheck')
  install(pack())
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('the packed library, installed where nothing else of the workspace is', () => {
  it('has all its entries, and neither tests nor build leftovers', () => {
    const files = globSync('**/*', { cwd: installed, withFileTypes: true }).filter((entry) => entry.isFile())
    const outside = files
      .map((file) => join(file.parentPath, file.name).slice(installed.length + 1))
      .filter(isOdd)
    expect(outside).toEqual([])
    expect(libraryEntries().filter((entry) => !existsSync(join(installed, entry.built)))).toEqual([])
  })

  it.each(names)('%s can be imported by plain Node', (name) => {
    expect(run(`console.log(Object.keys(await import('${name}')).length > 0)`)).toBe('true')
  })

  it.each([
    ['memory', 'memory()'],
    ['sqlite', `sqlite('./data/sessions.db')`],
  ])('keeps a session from one request to the next in the store %s', (name, store) => {
    const imports = `import { ${name} } from 'coatcheck/${name}'\nconst store = ${store}`
    expect(run(imports + SESSION)).toBe('dark true')
  })

  it('has declarations that compile in a strict application, the library itself checked', () => {
    writeFileSync(join(application, 'application.ts'), names.map((name) => `import '${name}'\n`).join(''))
    const config = {
      compilerOptions: { ...STRICT, noEmit: true, types: ['node'] },
      files: ['application.ts'],
    }
    writeFileSync(join(application, 'tsconfig.json'), JSON.stringify(config))
    expect(tsc(['-p', '.'], application)).toEqual([])
  })
})

const STRICT = { strict: true, target: 'ES2024', module: 'NodeNext', skipLibCheck: false }

const SESSION = `
  import { createSessions } from 'coatcheck'
  import { withSession } from 'coatcheck/fetch'

  const sessions = createSessions({ store })
  const request = (headers) => new Request('https://shop.example/', { headers })
  const first = await withSession(sessions, request({}), (session) => {
    session.set('theme', 'dark')
    return new Response()
  })
  const cookie = first.headers.getSetCookie()[0].split(';')[0]
  const second = await withSession(sessions, request({ cookie }), (session) =>
    new Response(session.get('theme') + ' ' + (session.id !== null)),
  )
  console.log(await second.text())
  await sessions.close()
`

/** Builds the library into a copy of its folder and packs that; returns the archive. */
function pack(): string {
  const copy = join(directory, 'package')
  cpSync(join(workspaceRoot, LIBRARY), copy, {
    recursive: true,
    filter: (path) => !/\/(node_modules|dist|test)$/.test(path),
  })
  const errors = tsc(['-p', join(workspaceRoot, LIBRARY), '--outDir', join(copy, 'dist')], workspaceRoot)
  if (errors.length > 0) throw new Error(`The library does not compile:\n${errors.join('\n')}`)
  execFileSync('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: copy, stdio: 'pipe' })
  const [archive] = globSync('*.tgz', { cwd: directory })
  if (!archive) throw new Error('npm pack made no archive.')
  return join(directory, archive)
}

/** What `npm install` would do, without a registry: unpacks the archive, and links dependencies and peers of the workspace. */
function install(archive: string): void {
  mkdirSync(dirname(installed), { recursive: true })
  execFileSync('tar', ['-xzf', archive, '-C', dirname(installed)])
  renameSync(join(dirname(installed), 'package'), installed)
  writeFileSync(join(application, 'package.json'), '{ "type": "module", "private": true }')
  const manifest = JSON.parse(readText(`${LIBRARY}/package.json`)) as Record<
    string,
    Record<string, string> | undefined
  >
  const needed = { ...manifest.dependencies, ...manifest.peerDependencies }
  for (const name of ['@types', ...Object.keys(needed)]) {
    mkdirSync(dirname(join(application, 'node_modules', name)), { recursive: true })
    symlinkSync(join(workspaceRoot, 'node_modules', name), join(application, 'node_modules', name))
  }
}

/** The output of a module that is run by plain Node in the application. */
function run(module: string): string {
  writeFileSync(join(application, 'run.js'), module)
  const { NODE_OPTIONS: _, ...environment } = process.env
  return execFileSync(process.execPath, ['run.js'], {
    cwd: application,
    encoding: 'utf8',
    env: environment,
  }).trim()
}

function isOdd(path: string): boolean {
  return (
    !/^(dist\/.*\.(js|d\.ts)(\.map)?|src\/.*\.ts|package\.json|README\.md|LICENSE)$/.test(path) ||
    /\.test\./.test(path)
  )
}
