import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const EXAMPLE = fileURLToPath(new URL('..', import.meta.url))
const WORKSPACE = join(EXAMPLE, '../..')
const LIBRARY = join(WORKSPACE, 'packages/coatcheck')
const SOURCES = ['app', 'lib', 'next.config.ts', 'tsconfig.json', 'package.json']

interface Exit {
  readonly code: number | null
  readonly output: string
}

/**
 * A copy of the example beside which the library lies as npm would install it, compiled: Next's bundler knows nothing
 * of the workspace's sources. The pages of `test/probe` come with it.
 */
export class InstalledExample {
  readonly #directory: string
  readonly #data = mkdtempSync(join(tmpdir(), 'coatcheck-next-'))
  #running: Running | null = null

  /** Within the workspace, where `next` and `react` are found; tests that run at once take different names. */
  constructor(name: string) {
    this.#directory = join(EXAMPLE, '.installed', name)
  }

  get dataDirectory(): string {
    return this.#data
  }

  get origin(): string {
    return this.#running?.origin ?? ''
  }

  /** Installs and builds; answers what Next says about it. */
  async build(): Promise<string> {
    const installed = join(this.#directory, 'node_modules/coatcheck')
    rmSync(this.#directory, { recursive: true, force: true })
    mkdirSync(installed, { recursive: true })
    for (const name of SOURCES) cpSync(join(EXAMPLE, name), join(this.#directory, name), { recursive: true })
    cpSync(join(EXAMPLE, 'test/probe'), join(this.#directory, 'app/probe'), { recursive: true })
    cpSync(join(LIBRARY, 'package.json'), join(installed, 'package.json'))
    // Whether the library compiles is the business of other tests.
    await this.#succeed('tsc', ['-p', LIBRARY, '--noCheck', '--outDir', join(installed, 'dist')])
    return this.#succeed('next', ['build'])
  }

  /** What the compiler says about the built example, `''` where all is well. */
  async checkTypes(): Promise<string> {
    return (await this.#run('tsc', ['-p', '.']).exited).output
  }

  /** Starts it, over the same data each time. */
  async start(environment: Record<string, string> = {}): Promise<void> {
    const port = await freePort()
    const running = this.#run('next', ['start', '-p', String(port), '-H', 'localhost'], environment)
    const ready = await Promise.race([running.said('Ready'), running.exited.then(() => false)])
    if (ready === false) throw new Error(`The example did not start:\n${(await running.exited).output}`)
    this.#running = { ...running, origin: `http://localhost:${port}` }
  }

  async stop(): Promise<Exit | null> {
    const running = this.#running
    this.#running = null
    running?.child.kill('SIGTERM')
    return (await running?.exited) ?? null
  }

  async dispose(): Promise<void> {
    await this.stop()
    rmSync(this.#data, { recursive: true, force: true })
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #succeed(program: string, parameters: readonly string[]): Promise<string> {
    const { code, output } = await this.#run(program, parameters).exited
    if (code !== 0) throw new Error(`${program} ${parameters.join(' ')} failed:\n${output}`)
    return output
  }

  /** With the Node that runs the tests, and without what they tell it: who copies the example has no sources of ours. */
  #run(program: string, parameters: readonly string[], environment = {}) {
    const { NODE_ENV: _mode, NODE_OPTIONS: _options, VITEST: _vitest, ...others } = process.env
    const script = join(WORKSPACE, 'node_modules', PROGRAMS[program] ?? program)
    const child = spawn(process.execPath, [script, ...parameters], {
      cwd: this.#directory,
      env: { ...others, NEXT_TELEMETRY_DISABLED: '1', DATA_DIR: this.#data, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
      })
    }
    const exited = once(child, 'close').then(([code]) => ({ code: code as number | null, output }))
    const said = (text: string) =>
      new Promise<true>((resolve) => {
        child.stdout.on('data', () => output.includes(text) && resolve(true))
      })
    return { child, exited, said }
  }
}

const PROGRAMS: Readonly<Record<string, string>> = { next: 'next/dist/bin/next', tsc: 'typescript/bin/tsc' }

interface Running {
  readonly origin: string
  readonly child: ChildProcess
  readonly exited: Promise<Exit>
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
