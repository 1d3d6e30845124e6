import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chownSync,
  constants,
  globSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { createClient } from 'redis'
import { canPin } from './child.ts'

export type EngineName = 'Redis' | 'PostgreSQL'

/** Where a program may lie, in order: a name on the PATH, or an absolute path with * patterns. */
const PROGRAMS: Readonly<Record<EngineName, readonly string[]>> = {
  Redis: ['redis-server', 'valkey-server'],
  PostgreSQL: ['postgres', '/usr/lib/postgresql/*/bin/postgres'],
}

/** The program of an engine; `null` where the machine has none. */
export function findProgram(name: EngineName): string | null {
  const onPath = (program: string) =>
    (process.env.PATH ?? '').split(delimiter).map((path) => join(path, program))
  const paths = PROGRAMS[name].flatMap((one) => (one.startsWith('/') ? globSync(one).sort() : onPath(one)))
  return paths.find(isExecutable) ?? null
}

/** What the program says of itself, such as `15.6`. */
export function versionOf(name: EngineName): string {
  const program = findProgram(name)
  if (program === null) return 'none'
  const text = execFileSync(program, ['--version'], { encoding: 'utf8' })
  return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? 'unknown'
}

/** A server of our own, on a free port of this machine, with its files in a directory that is gone after `stop`. */
export interface RunningEngine {
  readonly url: string
  stop(): Promise<void>
}

export interface EngineOptions {
  /** Ties all its processes to one core, where that can be done. */
  readonly core?: number
}

/** Starts the engine with the settings that our store demands, which are those that lose nothing; else with its defaults. */
export function startEngine(name: EngineName, options: EngineOptions): Promise<RunningEngine> {
  return name === 'Redis' ? startRedis(options) : startPostgres(options)
}

async function startRedis(options: EngineOptions): Promise<RunningEngine> {
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-bench-redis-'))
  const port = String(await freePort())
  const flags = [
    '--port',
    port,
    '--bind',
    '127.0.0.1',
    '--dir',
    directory,
    '--save',
    '',
    '--appendonly',
    'yes',
  ]
  const server = launch(required('Redis'), [...flags, '--loglevel', 'warning'], { ...options, directory })
  const url = `redis://127.0.0.1:${port}`
  await untilAnswering(server, async () => {
    const client = createClient({ url, socket: { reconnectStrategy: false } }).on('error', () => {})
    await client.connect()
    await client.ping()
    client.destroy()
  })
  return { url, stop: () => end(server, { signal: 'SIGTERM', directory }) }
}

async function startPostgres(options: EngineOptions): Promise<RunningEngine> {
  const program = realpathSync(required('PostgreSQL'))
  const directory = mkdtempSync(join(tmpdir(), 'coatcheck-bench-postgres-'))
  const owner = unprivilegedOwner()
  if (owner) chownSync(directory, owner.uid, owner.gid)
  const data = join(directory, 'data')
  const how = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C']
  execFileSync(join(dirname(program), 'initdb'), how, { ...owner, cwd: directory, stdio: 'pipe' })
  const port = String(await freePort())
  const flags = ['-D', data, '-p', port, '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=']
  const server = launch(program, flags, { ...options, directory, ...owner })
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  await untilAnswering(server, async () => {
    const client = new Client({ connectionString: url })
    client.on('error', () => {})
    await client.connect()
    await client.end()
  })
  return { url, stop: () => end(server, { signal: 'SIGINT', directory }) }
}

function required(name: EngineName): string {
  const program = findProgram(name)
  if (program === null) throw new Error(`${name} is not on this machine.`)
  return program
}

interface Launch extends EngineOptions {
  readonly directory: string
  readonly uid?: number
  readonly gid?: number
}

/** Tied before it begins, so that whatever processes it starts are tied, too. */
function launch(
  program: string,
  args: readonly string[],
  { core, directory, uid, gid }: Launch,
): ChildProcess {
  const tied = core !== undefined && canPin
  const [command, all] = tied ? ['taskset', ['-c', String(core), program, ...args]] : [program, args]
  const owner = uid === undefined || gid === undefined ? {} : { uid, gid }
  const server = spawn(command, [...all], { ...owner, cwd: directory, stdio: 'ignore' })
  // Where this process fails, nobody else stops it.
  const stop = () => server.kill('SIGINT')
  process.once('exit', stop)
  server.once('exit', () => process.off('exit', stop))
  return server
}

/** PostgreSQL refuses to run as root; then somebody else has to. */
function unprivilegedOwner(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!user) throw new Error('There is no user postgres or nobody to run PostgreSQL as.')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

async function untilAnswering(server: ChildProcess, ask: () => Promise<void>): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`${server.spawnfile} ended with code ${server.exitCode}.`)
    try {
      return await ask()
    } catch {
      await pause(50)
    }
  }
}

async function end(
  server: ChildProcess,
  { signal, directory }: { readonly signal: NodeJS.Signals; readonly directory: string },
): Promise<void> {
  if (server.exitCode === null && server.signalCode === null) {
    const ended = once(server, 'exit')
    server.kill(signal)
    await ended
  }
  rmSync(directory, { recursive: true, force: true })
}

/** A port that nobody listens on at this moment. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
