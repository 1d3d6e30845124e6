import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { requireEngine } from '../../../../scripts/engines.ts'

/** A server of its own on a free port of this machine, with its files in a directory that is gone after `stop`. */
export class RedisServer {
  readonly port: number
  readonly directory: string
  readonly #settings: readonly string[]
  #process: ChildProcess | null = null

  private constructor(port: number, settings: readonly string[]) {
    this.port = port
    this.directory = mkdtempSync(join(tmpdir(), 'coatcheck-redis-'))
    this.#settings = settings
  }

  /** Starts a server with these settings (`--name value` in turn) and waits until it answers. Default: nothing is saved, on a free port. */
  static async start(settings: readonly string[] = ['--save', ''], port?: number): Promise<RedisServer> {
    const server = new RedisServer(port ?? (await freePort()), settings)
    await server.restart()
    return server
  }

  /** Starts a Sentinel that lets a replica of `primary`, known as `main`, take over after half a second. */
  static async startSentinel(primary: RedisServer): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), [])
    const file = join(server.directory, 'sentinel.conf')
    const lines = [
      `port ${server.port}`,
      'bind 127.0.0.1',
      `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 2000',
    ]
    writeFileSync(file, lines.join('\n'))
    server.#process = spawn(requireEngine('redis'), [file, '--sentinel'], { stdio: 'ignore' })
    await answering(server.url)
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it again over the same files. */
  async restart(): Promise<void> {
    const fixed = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.directory]
    // Replicas begin at once instead of waiting for others to join them.
    const settings = [...fixed, '--loglevel', 'warning', '--repl-diskless-sync-delay', '0', ...this.#settings]
    this.#process = spawn(requireEngine('redis'), settings, { stdio: 'ignore' })
    await answering(this.url)
  }

  /** Ends the process with this signal and waits until it is gone. */
  async kill(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }

  /** Lets the process stand still; connections stay, and what comes is read when it goes on. */
  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await this.kill('SIGKILL')
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** A port that nobody listens on at this moment. */
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

/** Connects as soon as the server listens and has loaded its data. */
async function answering(url: string): Promise<void> {
  const client = createClient({ url, socket: { reconnectStrategy: 25 } })
  client.on('error', () => {})
  await client.connect()
  while ((await client.ping().catch(() => '')) !== 'PONG') await new Promise(setImmediate)
  client.destroy()
}
