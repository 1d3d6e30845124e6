import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { ConfigError } from '../../core/errors.ts'
import { type PostgresSql, type RunStatement, toRunStatement } from './client.ts'
import type { Connection, Hearing } from './connection.ts'

/** What is needed of the options of `postgres`, as its `sql` has them: resolved. */
export interface SqlOptions {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path?: string | false
  readonly socket?: (options: object) => Socket | Promise<Socket>
}

export function isSqlWithOptions(client: object): client is { readonly options: SqlOptions } {
  if (!('options' in client) || typeof client.options !== 'object' || client.options === null) return false
  return 'host' in client.options && Array.isArray(client.options.host)
}

/** A `sql` of one connection that is made once. The driver's own `listen` would hide from us when it breaks. */
export class SqlConnection implements Connection {
  readonly run: RunStatement
  readonly #options: SqlOptions
  readonly #first: number
  #socket: Socket | null = null
  #isEnded = false
  #dialled = 0

  /** Tries all hosts, `first` of them first. */
  constructor(options: SqlOptions, first: number, { heard, broken }: Hearing) {
    this.#options = options
    this.#first = first
    const running = importDriver().then((driver) =>
      toRunStatement(
        driver({
          ...options,
          // To it there is one, at the end of any socket.
          host: options.host.slice(0, 1),
          port: options.port.slice(0, 1),
          max: 1,
          idle_timeout: null,
          max_lifetime: null,
          fetch_types: false,
          // Whatever the client may not do by a pooler, this connection may.
          prepare: true,
          no_subscribe: true,
          shared: { retries: 0, typeArrayMap: {} },
          socket: (given: object) => this.#dial(given),
          onnotify: (_channel: string, payload: string) => heard(payload),
          onclose: () => broken(new Error('The connection has ended.')),
          onnotice: () => {},
        }),
      ),
    )
    this.run = async (text, parameters) => (await running)(text, parameters)
  }

  unref(): void {
    this.#socket?.unref()
  }

  end(): void {
    this.#isEnded = true
    const socket = this.#socket
    if (socket?.connecting) socket.destroy(new Error('The connection was given up.'))
    else socket?.destroySoon()
  }

  /**
   * A socket that is connected, for the driver: one that it makes itself could not be ended while it connects. It asks for
   * another one where a server is not of the kind that `target_session_attrs` wants.
   */
  async #dial(given: object): Promise<Socket> {
    const hosts = this.#options.host.length
    let failure: unknown = new Error('The connection was given up.')
    while (!this.#isEnded && this.#dialled < hosts) {
      const at = (this.#first + this.#dialled++) % hosts
      try {
        return await this.#connectTo(at, given)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #connectTo(at: number, given: object): Promise<Socket> {
    const { host: hosts, port: ports, path, socket: make } = this.#options
    if (make) {
      this.#socket = await make(given)
    } else {
      const [host = 'localhost', port = 5432] = [hosts[at], ports[at]]
      const socket = path ? connect(path) : connect(port, host)
      this.#socket = socket
      await once(socket, 'connect')
      // What the driver holds a certificate against.
      Object.assign(socket, { host, port })
    }
    if (this.#isEnded) this.#socket.destroy()
    return this.#socket
  }
}

type Driver = (options: object) => PostgresSql

/** The application has the driver, or it would have no `sql`; bundlers that do not find it need not look for it. */
async function importDriver(): Promise<Driver> {
  try {
    const driver = await import(/* webpackIgnore: true */ /* turbopackIgnore: true */ 'postgres')
    return driver.default as unknown as Driver
  } catch (cause) {
    throw new ConfigError(
      'ERR_STORE_SETTING',
      'The near cache needs the package postgres beside coatcheck, to make a connection of its own: npm install postgres, or set nearCache: false.',
      { cause },
    )
  }
}
