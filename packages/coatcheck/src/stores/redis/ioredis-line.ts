import { assertDuplicable, type Line, type LineEvents, type Primary } from './driver.ts'

/** A client of one server, as far as the feed uses it. */
interface Single {
  readonly options: { readonly host?: string; readonly port?: number }
  /** There once it connects. */
  readonly stream?: { unref?(): void; destroy(): void }
  duplicate(overrides: object): Single
  connect(): Promise<void>
  ssubscribe(channel: string): Promise<unknown>
  call(command: string, ...args: string[]): Promise<unknown>
  on(event: string, listener: (...args: string[]) => void): unknown
  disconnect(): void
}

interface Kinds {
  readonly isCluster: boolean
  nodes(role: 'master'): Single[]
}

export function ioredisPrimaries(client: unknown): readonly Primary[] {
  const { isCluster, nodes } = client as Partial<Kinds>
  if (!isCluster || !nodes) {
    assertDuplicable(client as Partial<Single>)
    return [primary('primary', client as Single)]
  }
  return nodes
    .call(client, 'master')
    .map((node) => primary(`${node.options.host}:${node.options.port}`, node))
}

function primary(name: string, client: Single): Primary {
  return { name, connect: (events) => new IoredisLine(client, events) }
}

class IoredisLine implements Line {
  readonly ready: Promise<void>
  readonly #client: Single

  constructor(model: Single, events: LineEvents) {
    const client = model.duplicate(ALONE)
    client.on('smessage', (channel = '', text = '') => events.message(channel, text))
    client.on('moved', () => events.moved())
    client.on('error', (error) => events.broken(error))
    client.on('close', () => events.broken(new Error('The connection of the feed has ended.')))
    this.#client = client
    this.ready = client.connect().then(() => client.stream?.unref?.())
  }

  send([name = '', ...args]: readonly string[]): Promise<unknown> {
    return this.#client.call(name, ...args)
  }

  subscribe(channel: string): Promise<unknown> {
    return this.#client.ssubscribe(channel)
  }

  close(): void {
    this.#client.disconnect()
    // What the peer does not close would be waited for.
    this.#client.stream?.destroy()
  }
}

/** Options of a duplicate that connects once and sends and tells everything as it is. */
const ALONE = Object.freeze({
  lazyConnect: true,
  protocol: 3,
  replyMapping: 'legacy',
  retryStrategy: null,
  sentinelRetryStrategy: null,
  reconnectOnError: null,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: true,
  enableAutoPipelining: false,
  maxRetriesPerRequest: null,
  commandTimeout: undefined,
  socketTimeout: undefined,
  keyPrefix: '',
  readOnly: false,
  stringNumbers: false,
  monitor: false,
  himportFieldsets: undefined,
})
