import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statfsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { requireEngine } from '../../../../scripts/engines.ts'

export interface PostgresServerOptions {
  /** Server parameters besides those that make it reachable. */
  readonly settings?: Readonly<Record<string, string>>
  /** Encoding of the databases; default UTF8. */
  readonly encoding?: string
  /** Whether its files lie on a disk, for measurements; default false: in memory where the machine has room there. */
  readonly onDisk?: boolean
}

/** A PostgreSQL server of the test's own, in a directory of its own. */
export class PostgresServer {
  readonly directory: string
  readonly port: number
  readonly #bin: string
  readonly #owner: Owner | null
  readonly #settings: Readonly<Record<string, string>>
  readonly #log: string[] = []
  #process: ChildProcess | null = null

  private constructor(
    port: number,
    { settings = {}, encoding = 'UTF8', onDisk = false }: PostgresServerOptions,
  ) {
    this.port = port
    this.#settings = settings
    this.#bin = dirname(realpathSync(requireEngine('postgres')))
    this.#owner = unprivilegedOwner()
    const parent = onDisk ? tmpdir() : roomyDirectory()
    this.directory = mkdtempSync(join(parent, 'coatcheck-postgres-'))
    if (this.#owner) chownSync(this.directory, this.#owner.uid, this.#owner.gid)
    const how = ['-D', this.data, '-U', 'postgres', '-A', 'trust', '-E', encoding, '--locale=C', '--no-sync']
    execFileSync(join(this.#bin, 'initdb'), how, { ...this.#owner, cwd: this.directory, stdio: 'pipe' })
  }

  static async start(options: PostgresServerOptions = {}, attempts = 3): Promise<PostgresServer> {
    const server = new PostgresServer(await freePort(), options)
    try {
      await server.start()
      return server
    } catch (error) {
      await server.dispose()
      // Somebody else may have been quicker with the port.
      if (attempts > 1) return PostgresServer.start(options, attempts - 1)
      throw error
    }
  }

  get data(): string {
    return join(this.directory, 'data')
  }

  /** For drivers; the role is the superuser, and the connection needs no password. */
  url(database = 'postgres', user = 'postgres'): string {
    return `postgres://${user}@127.0.0.1:${this.port}/${database}`
  }

  /** Lines of the server's log that say this. */
  logged(what: string): readonly string[] {
    return this.#log.filter((line) => line.includes(what))
  }

  /** Starts the server, also again after `stop` or `crash`, and waits until it takes connections. */
  async start(attempts = 10): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      dynamic_shared_memory_type: 'mmap',
      max_connections: '120',
      ...this.#settings,
    }
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(join(this.#bin, 'postgres'), ['-D', this.data, '-p', String(this.port), ...flags], {
      ...this.#owner,
      cwd: this.directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = child
    process.once('exit', this.#killAll)
    try {
      await readiness(child, this.#log)
    } catch (error) {
      // What was killed a moment ago may still hold the shared memory.
      if (attempts === 1) throw error
      await this.start(attempts - 1)
    }
  }

  /** Ends all connections and the server, as at a planned restart. */
  async stop(): Promise<void> {
    await this.#end((child) => child.kill('SIGINT'))
  }

  /** Kills every process of the server at once, with no chance to write anything down. */
  async crash(): Promise<void> {
    await this.#end(this.#killAll)
  }

  async dispose(): Promise<void> {
    // A server that is killed leaves shared memory behind.
    await this.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }

  async #end(how: (child: ChildProcess) => void): Promise<void> {
    const child = this.#process
    this.#process = null
    process.off('exit', this.#killAll)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    this.#process = child
    how(child)
    await exited
    this.#process = null
  }

  /** Its sessions are processes of their own, which would notice the end of the first one and tidy up. */
  readonly #killAll = () => {
    const pid = this.#process?.pid
    if (pid === undefined) return
    const kill = (each: number) => {
      try {
        process.kill(each, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
    // Stopped first, so that it starts no other while its children are read.
    try {
      process.kill(pid, 'SIGSTOP')
    } catch {
      return
    }
    for (const child of childrenOf(pid)) kill(child)
    kill(pid)
  }
}

/** In memory where there is enough of it: tests are not about disks. In containers it is often but 64 MB. */
function roomyDirectory(): string {
  const memory = '/dev/shm'
  if (!existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > ROOM ? memory : tmpdir()
}

const ROOM = 1_000_000_000

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** PostgreSQL and its pooler refuse to run as root; then somebody else has to. */
export function unprivilegedOwner(): Owner | null {
  if (process.getuid?.() !== 0) return null
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody')
  if (!user) throw new Error('There is no user postgres or nobody to run PostgreSQL as.')
  return { uid: Number(user[2]), gid: Number(user[3]) }
}

function childrenOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

/** Resolves once the server says that it is ready; rejects with what it said when it ends before. */
function readiness(child: ChildProcess, log: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!child.stderr) throw new Error('The server has no log to read.')
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line)
      if (line.includes('database system is ready to accept')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${log.join('\n')}`)))
  })
}

/** A port that nobody has now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
