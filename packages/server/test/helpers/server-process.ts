import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Written } from './test-server.ts'

const CHILD = fileURLToPath(new URL('server-child.ts', import.meta.url))

/** What only an administrator may do; everything else is done over HTTP. */
export interface ChildCommands {
  /** Its id; `null` where the name is taken. */
  createAccount(name: string, password: string): Promise<string | null>
  endEveryone(): Promise<void>
  endUser(userId: string): Promise<void>
  rotateSigningKeys(): Promise<void>
  signingKeys(): Promise<readonly string[]>
  /** Bytes that the process takes, after a garbage collection. */
  memory(): Promise<number>
}

export interface Question {
  readonly number: number
  readonly name: keyof ChildCommands
  readonly args: readonly string[]
}

interface Answer {
  readonly number: number
  readonly answer?: unknown
  readonly error?: string
}

/** The whole server in a process of its own, until it is killed. */
export class ServerProcess {
  readonly publicAddress: string
  readonly adminAddress: string
  readonly #child: ChildProcess
  #asked = 0

  private constructor(child: ChildProcess, addresses: { publicAddress: string; adminAddress: string }) {
    this.#child = child
    this.publicAddress = addresses.publicAddress
    this.adminAddress = addresses.adminAddress
  }

  static async start(written: Written, flags: readonly string[] = []): Promise<ServerProcess> {
    const settings = { port: '0', adminPort: '0', logLevel: 'error', shutdownTimeout: '0', ...written }
    const child = spawn(
      process.execPath,
      ['--conditions=coatcheck-source', ...flags, CHILD, JSON.stringify(settings)],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { ...process.env, NODE_OPTIONS: '' } },
    )
    process.once('exit', () => child.kill('SIGKILL'))
    const gone = once(child, 'exit').then(() => {
      throw new Error('The server did not start.')
    })
    const [addresses] = await Promise.race([once(child, 'message'), gone])
    return new ServerProcess(child, addresses)
  }

  ask<N extends keyof ChildCommands>(
    name: N,
    ...args: Parameters<ChildCommands[N]>
  ): Promise<Awaited<ReturnType<ChildCommands[N]>>> {
    const number = this.#asked++
    return new Promise((resolve, reject) => {
      const receive = (reply: Answer) => {
        if (reply.number !== number) return
        this.#child.off('message', receive)
        if (reply.error === undefined) resolve(reply.answer as never)
        else reject(new Error(reply.error))
      }
      this.#child.on('message', receive)
      this.#child.send({ number, name, args } satisfies Question)
    })
  }

  /** At once, with no chance to write anything down. */
  kill(): Promise<void> {
    return end(this.#child)
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
