import { type Confirmation, type Driver, type Emitter, listen } from './driver.ts'
import { isMoving, isUnknownScript } from './failures.ts'
import type { Script } from './scripts.ts'

interface EvalOptions {
  keys?: string[]
  arguments?: string[]
}

/** A client of `redis` (node-redis 5 or later), whichever of its kinds. */
export interface NodeRedisClient {
  evalSha(sha: string, options?: EvalOptions): Promise<unknown>
  eval(script: string, options?: EvalOptions): Promise<unknown>
  wait(replicas: number, timeout: number): Promise<unknown>
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

/** How the kinds of clients lend one connection. */
interface Lenders {
  /** A Cluster: the client of the primary that holds a key. */
  getNodeClientForKey?(key: string): Promise<NodeRedisClient>
  /** Sentinel: a client of the primary. */
  use?<T>(borrower: (client: NodeRedisClient) => Promise<T>): Promise<T>
  /** A pool. */
  execute?<T>(borrower: (client: NodeRedisClient) => Promise<T>): Promise<T>
}

const CHANGES = ['ready', 'node-ready', 'topology-change']

export function isNodeRedis(client: unknown): client is NodeRedisClient {
  const methods = client as Partial<NodeRedisClient> | null | undefined
  return typeof methods?.evalSha === 'function' && typeof methods.eval === 'function'
}

export function nodeRedisDriver(client: NodeRedisClient): Driver {
  return new NodeRedisDriver(client)
}

class NodeRedisDriver implements Driver {
  readonly #client: NodeRedisClient & Lenders

  constructor(client: NodeRedisClient & Lenders) {
    this.#client = client
  }

  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const options = { keys: [...keys], arguments: [...args] }
    try {
      return await this.#client.evalSha(script.sha, options)
    } catch (error) {
      if (!isUnknownScript(error)) throw error
      return this.#client.eval(script.text, options)
    }
  }

  async runConfirmed(
    script: Script,
    keys: readonly string[],
    args: readonly string[],
    confirmation: Confirmation,
  ) {
    const options = { keys: [...keys], arguments: [...args] }
    try {
      return await this.#onOneConnection(keys[0] ?? '', (connection) =>
        this.#behindEachOther(connection, () => connection.evalSha(script.sha, options), confirmation),
      )
    } catch (error) {
      if (isMoving(error)) return { answer: await this.run(script, keys, args), replicas: null }
      if (!isUnknownScript(error)) throw error
    }
    return this.#onOneConnection(keys[0] ?? '', (connection) =>
      this.#behindEachOther(connection, () => connection.eval(script.text, options), confirmation),
    )
  }

  onChange(listener: () => void): () => void {
    return listen(this.#client, CHANGES, listener)
  }

  async #onOneConnection<T>(key: string, work: (connection: NodeRedisClient) => Promise<T>): Promise<T> {
    const client = this.#client
    if (client.getNodeClientForKey) return work(await client.getNodeClientForKey(key))
    if (client.use) return client.use(work)
    return client.execute ? client.execute(work) : work(client)
  }

  /** Both commands are sent in one turn; a connection that was lost between their answers says nothing about the first. */
  async #behindEachOther(
    connection: NodeRedisClient,
    send: () => Promise<unknown>,
    { replicas, milliseconds }: Confirmation,
  ) {
    const seen = reconnectionsOf(connection)
    const before = seen.count
    const sent = send()
    const confirmed = connection.wait(replicas, milliseconds).catch(() => 0)
    const answer = await sent
    const count = Number(await confirmed)
    return { answer, replicas: seen.count === before ? count : 0 }
  }
}

/** How often each client has lost its connection, counted for all stores that share it. */
const reconnections = new WeakMap<Emitter, { count: number }>()

function reconnectionsOf(connection: Emitter): { readonly count: number } {
  const known = reconnections.get(connection)
  if (known) return known
  const seen = { count: 0 }
  reconnections.set(connection, seen)
  connection.on('reconnecting', () => {
    seen.count++
  })
  return seen
}
