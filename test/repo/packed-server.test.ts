import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LIBRARY } from './entries.ts'
import { linkPackages, needsOf, packPackage, packWithin, unpackInto } from './packages.ts'

const SERVER = 'packages/server'

let directory: string
let application: string
let library: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'coatcheck-packed-server-'))
  application = join(directory, 'application')
  const own = { library: join(directory, 'library'), server: join(application, 'build') }
  for (const path of Object.values(own)) mkdirSync(path, { recursive: true })
  library = packPackage(LIBRARY, own.library)
  unpackInto(library, join(application, 'node_modules/coatcheck'))
  const needed = new Set([...needsOf(LIBRARY), ...needsOf(SERVER), '@types', '@opentelemetry/api'])
  needed.delete('coatcheck')
  linkPackages([...needed], application, SERVER)
  unpackInto(packWithin(SERVER, own.server), join(application, 'node_modules/@coatcheck/server'))
  mkdirSync(join(application, 'node_modules/.bin'))
}, 300_000)

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('the packed server, installed beside the packed library', () => {
  it.each([
    ['its own', '@coatcheck/server'],
    ['the library’s', 'coatcheck'],
  ])('has the command coatcheck, also where npm has linked %s', (_, name) => {
    const link = join(application, 'node_modules/.bin/coatcheck')
    rmSync(link, { force: true })
    symlinkSync(join('..', name, 'bin/coatcheck.js'), link)
    const { status, stdout } = command(['--help'])
    expect([status, stdout.split('\n')[0]]).toEqual([0, 'Usage: coatcheck [options] [command]'])
    expect(command(['serve', '--prot=1']).status).toBe(2)
  })

  it('serves with nothing set up', async () => {
    const server = spawn(process.execPath, [...BIN, 'serve', '--port', '0', '--admin-port', '0'], {
      cwd: application,
      env: environment(),
    })
    try {
      const address = await addressIn(server)
      expect((await fetch(`${address}/login`)).status).toBe(200)
      expect(existsSync(join(application, 'data/setup-link'))).toBe(true)
    } finally {
      server.kill('SIGTERM')
      const [code] = (await once(server, 'exit')) as [number | null]
      expect(code).toBe(0)
    }
  })
})

describe('the packed library alone', () => {
  it('says in one sentence where the command is', () => {
    const alone = join(directory, 'alone')
    unpackInto(library, join(alone, 'node_modules/coatcheck'))
    const bin = join(alone, 'node_modules/coatcheck/bin/coatcheck.js')
    const { status, stderr } = spawnSync(process.execPath, [bin, 'serve'], { cwd: alone, encoding: 'utf8' })
    expect([status, stderr]).toEqual([
      2,
      'The command coatcheck is part of the server: npm install @coatcheck/server, and run it again.\n',
    ])
  })
})

const BIN = ['--disable-warning=ExperimentalWarning', 'node_modules/.bin/coatcheck']

function command(given: readonly string[]) {
  return spawnSync(process.execPath, [...BIN, ...given], {
    cwd: application,
    encoding: 'utf8',
    env: environment(),
  })
}

/** That of the test run without its own variables, which the server takes for settings that it does not know. */
function environment(): Record<string, string | undefined> {
  const entries = Object.entries(process.env)
  return Object.fromEntries(entries.filter(([name]) => !/^(?:NODE_OPTIONS$|COATCHECK_)/.test(name)))
}

/** Where the server says that it listens, once it has said everything. */
async function addressIn(server: ChildProcess): Promise<string> {
  let said = ''
  server.stderr?.on('data', (chunk) => {
    said += String(chunk)
  })
  while (!said.includes('administrator yet') && server.exitCode === null) {
    await Promise.race([once(server.stderr ?? server, 'data'), once(server, 'exit')])
  }
  const [, address] = /coatcheck serves \S+ on (\S+)/.exec(said) ?? []
  if (address) return address
  throw new Error(`The server ended: ${said}`)
}
