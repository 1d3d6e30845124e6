import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { run } from '../../src/cli/command.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** Runs the command in this process, with an environment and standard input of its own. */
export async function command(given: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const { env = {}, input = '' } = options
  let [out, err] = ['', '']
  const code = await run(given, {
    env,
    stdin: Readable.from(input === '' ? [] : [Buffer.from(input)]),
    stdout: {
      write: (text) => {
        out += text
        return true
      },
      once: () => {},
    },
    stderr: {
      write: (text) => {
        err += text
      },
    },
    on: () => {},
    off: () => {},
  })
  return { code, out, err }
}

/** A server in a process of its own, from source. */
export class ServerProcess {
  readonly child: ChildProcess
  #err = ''
  #out = ''

  private constructor(child: ChildProcess) {
    this.child = child
    child.stderr?.on('data', (chunk) => {
      this.#err += String(chunk)
    })
    child.stdout?.on('data', (chunk) => {
      this.#out += String(chunk)
    })
  }

  /** Resolves once it serves, or has ended. */
  static async start(
    given: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<ServerProcess> {
    const bin = join(import.meta.dirname, '../../bin/coatcheck.js')
    const child = spawn(process.execPath, ['--conditions=coatcheck-source', bin, 'serve', ...given], {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env },
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const server = new ServerProcess(child)
    while (child.exitCode === null && !/administrator|sessions: .*\n/.test(server.err)) {
      await Promise.race([once(child.stderr ?? child, 'data'), once(child, 'exit')])
    }
    return server
  }

  get err(): string {
    return this.#err
  }

  get out(): string {
    return this.#out
  }

  /** Where it says that it listens. */
  get addresses(): { readonly front: string; readonly admin: string } {
    const [, front = ''] = /coatcheck serves \S+ on (\S+)/.exec(this.err) ?? []
    const [, admin = ''] = /administration: (\S+)/.exec(this.err) ?? []
    return { front, admin }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode
    const ended = once(this.child, 'exit')
    this.child.kill(signal)
    await ended
    return this.child.exitCode
  }
}
