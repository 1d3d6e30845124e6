import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tsc } from './compile.ts'
import { LIBRARY, libraryEntries } from './entries.ts'
import { linkPackages, needsOf, packPackage, unpackInto } from './packages.ts'

const names = libraryEntries().map((entry) => entry.name)

let directory: string
let application: string
let installed: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-packed-'))
  application = join(directory, 'application')
  installed = join(application, 'node_modules/coatcheck')
  install()
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

/** Installs the packed library where dependencies and peers of the workspace are, too. */
function install(): void {
  unpackInto(packPackage(LIBRARY, directory), installed)
  writeFileSync(join(application, 'package.json'), '{ "type": "module", "private": true }')
  linkPackages(['@types', ...needsOf(LIBRARY, ['dependencies', 'peerDependencies'])], application)
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
    !/^(bin\/coatcheck\.js|dist\/.*\.(js|d\.ts)(\.map)?|src\/.*\.ts|package\.json|README\.md|LICENSE)$/.test(
      path,
    ) || /\.test\./.test(path)
  )
}
