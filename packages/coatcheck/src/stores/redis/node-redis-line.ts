import { assertDuplicable, type Line, type LineEvents, type Primary } from './driver.ts'

/** A client of one server, as far as the feed uses it. */
interface Single {
  readonly options?: { readonly socket?: object }
  duplicate(overrides: object): Single
  connect(): Promise<unknown>
  sSubscribe(channel: string, listener: (text: string, channel: string) => void): Promise<unknown> | undefined
  sendCommand(command: string[]): Promise<unknown>
  on(event: string, listener: (error: unknown) => void): unknown
  destroy(): void
  unref(): void
}

interface ClusterNode {
  readonly address: string
  /** There once the Cluster has used the node. */
  readonly client?: Single
}

/** What tells the kinds of clients apart: how they lend a client of a primary. */
interface Kinds {
  readonly masters: readonly ClusterNode[]
  nodeClient(node: ClusterNode): Promise<Single>
  /** Of a pool. */
  execute<T>(work: (client: Single) => Promise<T>): Promise<T>
  /** Of a Sentinel, which has no other way to its primary's client, or to how that was set up. */
  _execute<T>(isReadonly: boolean, work: (client: Single) => Promise<T>): Promise<T>
}

/** Runs `work` with a client of the primary, which need not be connected. */
type Lend = (work: (client: Single) => Promise<Single>) => Promise<Single>

export function nodeRedisPrimaries(client: unknown): readonly Primary[] {
  const kinds = client as Partial<Kinds>
  const { nodeClient, execute, _execute } = kinds
  if (kinds.masters && nodeClient) {
    return kinds.masters.map((node) =>
      primary(node.address, async (work) => work(node.client ?? (await nodeClient.call(client, node)))),
    )
  }
  if (_execute) return [primary('primary', (work) => _execute.call(client, false, work) as Promise<Single>)]
  if (execute) return [primary('primary', (work) => execute.call(client, work) as Promise<Single>)]
  assertDuplicable(client as Partial<Single>)
  return [primary('primary', (work) => work(client as Single))]
}

function primary(name: string, lend: Lend): Primary {
  return { name, connect: (events) => new NodeRedisLine(lend, events) }
}

class NodeRedisLine implements Line {
  readonly ready: Promise<void>
  readonly #listener: (text: string, channel: string) => void
  #client: Single | null = null
  #closed = false

  constructor(lend: Lend, events: LineEvents) {
    this.#listener = (text, channel) => events.message(channel, text)
    this.ready = this.#start(lend, events)
  }

  send(command: readonly string[]): Promise<unknown> {
    return this.#open().sendCommand([...command])
  }

  async subscribe(channel: string): Promise<unknown> {
    return this.#open().sSubscribe(channel, this.#listener)
  }

  close(): void {
    this.#closed = true
    this.#client?.destroy()
  }

  async #start(lend: Lend, events: LineEvents): Promise<void> {
    const client = await lend(async (lent) => lent.duplicate(alone(lent)))
    if (this.#closed) throw closedError()
    this.#client = client
    for (const event of ['error', 'end']) client.on(event, (error) => events.broken(error ?? closedError()))
    client.on('sharded-channel-moved', () => events.moved())
    client.unref()
    await client.connect()
    // A client that is destroyed while it connects comes up all the same.
    if (this.#closed) client.destroy()
  }

  #open(): Single {
    if (!this.#client) throw closedError()
    return this.#client
  }
}

/** Options of a duplicate that connects once, tells all it hears, and shares nothing with the client it is made from. */
function alone({ options }: Single): object {
  return {
    RESP: 3,
    socket: { ...options?.socket, reconnectStrategy: false, socketTimeout: undefined },
    keyPrefix: undefined,
    readonly: false,
    clientSideCache: undefined,
    emitInvalidate: undefined,
    maintNotifications: 'disabled',
    pingInterval: undefined,
    commandsQueueMaxLength: undefined,
    commandOptions: undefined,
  }
}

function closedError(): Error {
  return new Error('The connection of the feed has ended.')
}
