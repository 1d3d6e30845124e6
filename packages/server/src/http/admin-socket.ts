import { once } from 'node:events'
import { chmodSync, mkdtempSync, renameSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:http'
import { createConnection } from 'node:net'
import { dirname, join } from 'node:path'
import type { Environment } from 'coatcheck'
import type { Authority } from '../authority.ts'
import { codeOf } from '../start-error.ts'
import { listenOnSocket, type NodeHandler, stop } from './listeners.ts'

/** Name of the socket in the data directory over which the command line administers a running server. */
export const ADMIN_SOCKET = 'admin.sock'

/** What the system allows of a socket's path, in bytes. */
const LONGEST_PATH = 103

/** How often each process looks who has the socket, in milliseconds. */
const LOOK_AGAIN = 2_000

/** Path of the admin socket of a data directory. */
export function adminSocketPath(directory: string): string {
  return join(directory, ADMIN_SOCKET)
}

/** Whether somebody listens there: a file that a killed process left does not count. */
export async function isAnswering(path: string): Promise<boolean> {
  const connection = createConnection(path)
  try {
    await once(connection, 'connect')
    return true
  } catch {
    return false
  } finally {
    connection.destroy()
  }
}

/**
 * The admin socket of one process. Of several over one directory the first has it, and another takes over when that one is
 * gone. Whoever has it answers for all, as they share the stores.
 */
export class AdminSocket {
  readonly #path: string
  readonly #handler: NodeHandler
  readonly #environment: Environment
  readonly #log: Authority['log']
  #server: Server | null = null
  #inode = 0
  #cancel: () => void = () => {}
  #stopped = false

  constructor({ settings, environment, log }: Authority, handler: NodeHandler) {
    this.#path = adminSocketPath(settings.dataDirectory)
    this.#handler = handler
    this.#environment = environment
    this.#log = log
  }

  /** Whether this process answers on it. */
  get isOurs(): boolean {
    return this.#server !== null
  }

  /** Why there cannot be one, or `null`. The command line then works on the stores directly. */
  get impediment(): string | null {
    return new TextEncoder().encode(this.#path).length > LONGEST_PATH
      ? `There is no admin socket: the path of the data directory is longer than the system allows.`
      : null
  }

  async start(): Promise<void> {
    if (this.impediment !== null || this.#stopped) return
    try {
      if (!this.#isHeld()) {
        await this.#letGo()
        if (!(await isAnswering(this.#path))) await this.#listen()
      }
    } catch (error) {
      this.#log.warn({ code: codeOf(error) }, 'the admin socket could not be made')
    }
    if (!this.#stopped) this.#cancel = this.#environment.setTimer(LOOK_AGAIN, () => void this.start())
  }

  /** Of two that find a socket which was left behind, the later one's is in its place. */
  #isHeld(): boolean {
    return this.#server !== null && inodeOf(this.#path) === this.#inode
  }

  async #letGo(): Promise<void> {
    const server = this.#server
    this.#server = null
    if (server !== null) await stop(server, 0, this.#environment)
  }

  async stop(patience: number): Promise<void> {
    this.#stopped = true
    this.#cancel()
    const server = this.#server
    if (server === null) return
    this.#server = null
    this.#remove()
    await stop(server, patience, this.#environment)
  }

  /**
   * Made under another name, in a directory that nobody else can enter, and then moved: at no moment is there a socket that
   * another user may connect to, and one that was left behind is replaced at once and whole.
   */
  async #listen(): Promise<void> {
    const directory = mkdtempSync(join(dirname(this.#path), '.a'))
    const draft = join(directory, 's')
    try {
      const server = await listenOnSocket(this.#handler, draft)
      chmodSync(draft, 0o600)
      this.#inode = statSync(draft).ino
      renameSync(draft, this.#path)
      this.#server = server
    } finally {
      rmdirSync(directory)
    }
    if (this.#stopped) await this.stop(0)
  }

  /** Unless another process has put its own in the place meanwhile. */
  #remove(): void {
    if (inodeOf(this.#path) === this.#inode) unlinkSync(this.#path)
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}
