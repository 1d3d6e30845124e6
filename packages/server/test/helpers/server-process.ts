import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { kebab } from '../../src/config/resolve.ts'
import type { SettingName } from '../../src/config/settings.ts'
import { adminSocketPath } from '../../src/http/admin-socket.ts'
import type { Written } from './test-server.ts'

const COMMAND = fileURLToPath(new URL('../../bin/coatcheck.js', import.meta.url))

/** `coatcheck serve` in a process of its own, until it is killed. */
export class ServerProcess {
  readonly publicAddress: string
  readonly adminAddress: string
  readonly #child: ChildProcess
  readonly #socket: string

  private constructor(
    child: ChildProcess,
    addresses: { readonly front: string; readonly admin: string; readonly socket: string },
  ) {
    this.#child = child
    this.publicAddress = addresses.front
    this.adminAddress = addresses.admin
    this.#socket = addresses.socket
  }

  static async start(written: Written & { readonly dataDirectory: string }): Promise<ServerProcess> {
    const settings = { port: '0', adminPort: '0', logLevel: 'error', shutdownTimeout: '0', ...written }
    const variables = Object.entries(settings).map(([name, text]) => {
      return [
        `COATCHECK_${kebab(name as SettingName)
          .replaceAll('-', '_')
          .toUpperCase()}`,
        text,
      ]
    })
    const child = spawn(process.execPath, ['--conditions=coatcheck-source', COMMAND, 'serve'], {
      stdio: ['ignore', 'inherit', 'pipe'],
      env: { ...withoutSettings(process.env), NODE_OPTIONS: '', ...Object.fromEntries(variables) },
    })
    process.once('exit', () => child.kill('SIGKILL'))
    let said = ''
    for await (const line of createInterface({ input: child.stderr })) {
      said += `${line}\n`
      const [, front] = /serves \S+ on (\S+)/.exec(said) ?? []
      const [, admin] = /administration: (http\S+)/.exec(said) ?? []
      if (front === undefined || admin === undefined) continue
      child.stderr.resume()
      return new ServerProcess(child, { front, admin, socket: adminSocketPath(written.dataDirectory) })
    }
    throw new Error(`The server did not start: ${said}`)
  }

  /** Asks for something that only an administrator may do: whichever process has the socket of the data directory does it. */
  administer(path: string, body: object = {}): Promise<number> {
    const headers = { 'content-type': 'application/json' }
    return new Promise((resolve, reject) => {
      const sent = request(
        { socketPath: this.#socket, path: `/api${path}`, method: 'POST', headers },
        (response) => {
          response.resume().once('end', () => resolve(response.statusCode ?? 0))
        },
      )
      sent.once('error', reject)
      sent.end(JSON.stringify(body))
    })
  }

  /** Answers whether it was made; `false` where there is one of the name. */
  async createAccount(name: string, password: string): Promise<boolean> {
    return (await this.administer('/users', { name, password })) < 300
  }

  /** Bytes of memory that the process takes. */
  async memory(): Promise<number> {
    const metrics = await (await fetch(`${this.adminAddress}/metrics`)).text()
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1])
  }

  /** At once, with no chance to write anything down. */
  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

/** The test run has variables of its own, which the server takes for settings that it does not know. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('COATCHECK_')))
}
