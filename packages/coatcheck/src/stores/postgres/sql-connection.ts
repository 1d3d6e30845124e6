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
  #socket: Socket | null = null
  #isEnded = false
  #isDialled = false

  /** `attempt` counts connections: where there are several hosts, each tries the next one. */
  constructor(options: SqlOptions, attempt: number, { heard, broken }: Hearing) {
    const at = attempt % options.host.length
    const [host = 'localhost', port = 5432] = [options.host[at], options.port[at]]
    const running = importDriver().then((driver) =>
      toRunStatement(
        driver({
          ...options,
          host: [host],
          port: [port],
          max: 1,
          idle_timeout: null,
          max_lifetime: null,
          fetch_types: false,
          // Whatever the client may not do by a pooler, this connection may.
          prepare: true,
          no_subscribe: true,
          shared: { retries: 0, typeArrayMap: {} },
          socket: (given: object) => this.#dial(options, host, port, given),
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

  /** A socket that is connected, for the driver: one that it makes itself could not be ended while it connects. */
  async #dial(options: SqlOptions, host: string, port: number, given: object): Promise<Socket> {
    // The driver asks again where a server is not of the kind that `target_session_attrs` wants.
    if (this.#isEnded || this.#isDialled) throw new Error('The connection was given up.')
    this.#isDialled = true
    if (options.socket) {
      const socket = await options.socket(given)
      this.#socket = socket
      return this.#unlessEnded(socket)
    }
    const socket = options.path ? connect(options.path) : connect(port, host)
    this.#socket = socket
    await once(socket, 'connect')
    // What the driver holds a certificate against.
    return this.#unlessEnded(Object.assign(socket, { host, port }))
  }

  #unlessEnded(socket: Socket): Socket {
    if (this.#isEnded) socket.destroy()
    return socket
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
