import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const EXAMPLES = fileURLToPath(new URL('..', import.meta.url))

interface Exit {
  readonly code: number | null
  readonly output: string
}

/** An example under way, as its `start` script runs it: a process of its own. */
export class ExampleProcess {
  readonly origin: string
  readonly #child: ChildProcess
  readonly #exited: Promise<Exit>

  constructor(origin: string, child: ChildProcess, exited: Promise<Exit>) {
    this.origin = origin
    this.#child = child
    this.#exited = exited
  }

  /** Ends it as a process manager does. */
  stop(): Promise<Exit> {
    this.#child.kill('SIGTERM')
    return this.#exited
  }
}

/** Runs the `build` script of an example, where it has one. */
export async function buildExample(name: string): Promise<void> {
  const { build } = scriptsOf(name)
  if (build === undefined) return
  const { code, output } = await run(name, build, {}).exited
  if (code !== 0) throw new Error(`${name} cannot be built:\n${output}`)
}

/** What the compiler has to say about an example with settings and generated types of its own, once it is built. */
export async function checkTypes(name: string): Promise<string> {
  const { typegen } = scriptsOf(name)
  if (typegen !== undefined) await run(name, typegen, {}).exited
  const ours = '--customConditions coatcheck-source --allowImportingTsExtensions'
  return (await run(name, `tsc -p . --noEmit ${ours}`, {}).exited).output
}

/** Starts a built example on a free port; resolves once it says where it is. */
export async function startExample(name: string, dataDirectory: string): Promise<ExampleProcess> {
  const { start = '' } = scriptsOf(name)
  const port = String(await freePort())
  const origin = `http://localhost:${port}`
  const { child, exited, whenSaid } = run(name, start, {
    PORT: port,
    ORIGIN: origin,
    DATA_DIR: dataDirectory,
  })
  const said = await Promise.race([whenSaid(`:${port}`), exited.then(() => null)])
  if (said === null) throw new Error(`${name} did not start:\n${(await exited).output}`)
  return new ExampleProcess(origin, child, exited)
}

/** A directory that goes away with `dispose`. */
export function temporaryDirectory(): { readonly path: string; dispose(): void } {
  const path = mkdtempSync(join(tmpdir(), 'coatcheck-example-'))
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) }
}

function scriptsOf(name: string): Partial<Record<string, string>> {
  return JSON.parse(readFileSync(join(EXAMPLES, name, 'package.json'), 'utf8')).scripts
}

/**
 * Without a shell, so that signals arrive where they should. The condition lets `coatcheck` be our sources: who copies
 * an example has it from npm, and needs none.
 */
function run(name: string, command: string, environment: Record<string, string>) {
  const [program = '', ...parameters] = command.split(' ')
  const directory = join(EXAMPLES, name)
  const child = spawn(program, parameters, {
    cwd: directory,
    env: {
      ...withoutVitest(process.env),
      PATH: searchPath(directory),
      NODE_OPTIONS: '--conditions=coatcheck-source',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const streams = [child.stdout, child.stderr]
  const whenSaid = (text: string) =>
    new Promise<string>((resolve) => {
      for (const stream of streams) stream.on('data', () => output.includes(text) && resolve(output))
    })
  for (const stream of streams) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  const exited = once(child, 'close').then(([code]) => ({ code: code as number | null, output }))
  return { child, exited, whenSaid }
}

/** As npm makes it for scripts: the programs of the example, then those of the workspace, the pinned Node among them. */
function searchPath(directory: string): string {
  const programs = [directory, dirname(EXAMPLES)].map((parent) => join(parent, 'node_modules/.bin'))
  return [dirname(process.execPath), ...programs, process.env.PATH].join(delimiter)
}

/** Builds look at these, and an example knows of no test. */
function withoutVitest(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_ENV: _mode, VITEST: _vitest, TEST: _test, ...others } = environment
  return others
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
