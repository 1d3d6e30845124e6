import { createClient } from 'redis'
import { RedisServer } from './redis-server.ts'

const MASTERS = 3
const SLOTS = 16_384
const SETTINGS = ['--save', '', '--cluster-enabled', 'yes', '--cluster-node-timeout', '1500']

/** Three masters with a replica each. */
export class RedisCluster {
  readonly nodes: readonly RedisServer[]

  private constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes
  }

  /** Starts the servers, joins them and waits until each sees the whole Cluster well. */
  static async start(): Promise<RedisCluster> {
    const nodes = await Promise.all(Array.from({ length: 2 * MASTERS }, () => RedisServer.start(SETTINGS)))
    const cluster = new RedisCluster(nodes)
    try {
      await cluster.#join()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  get masters(): readonly RedisServer[] {
    return this.nodes.slice(0, MASTERS)
  }

  /** Asks one node. */
  async ask(node: RedisServer, ...command: readonly string[]): Promise<unknown> {
    const client = await createClient({ url: node.url }).connect()
    try {
      return await client.sendCommand([...command])
    } finally {
      client.destroy()
    }
  }

  async idOf(node: RedisServer): Promise<string> {
    return String(await this.ask(node, 'CLUSTER', 'MYID'))
  }

  /** Moves the slot of `key` to another master, as an administrator would, key by key; `between` runs after each step. */
  async moveSlot(key: string, between: () => Promise<unknown>): Promise<void> {
    const slot = String(await this.ask(this.nodes[0] as RedisServer, 'CLUSTER', 'KEYSLOT', key))
    const owner = Math.floor((Number(slot) * MASTERS) / SLOTS)
    const [source, target] = [this.nodes[owner], this.nodes[(owner + 1) % MASTERS]] as [
      RedisServer,
      RedisServer,
    ]
    const [from, to] = [await this.idOf(source), await this.idOf(target)]
    await this.ask(target, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', from)
    await this.ask(source, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', to)
    await between()
    for (;;) {
      const [name] = (await this.ask(source, 'CLUSTER', 'GETKEYSINSLOT', slot, '1')) as readonly string[]
      if (name === undefined) break
      await this.ask(source, 'MIGRATE', '127.0.0.1', String(target.port), name, '0', '5000')
      await between()
    }
    for (const node of [target, source]) await this.ask(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', to)
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
  }

  async #join(): Promise<void> {
    const [first] = this.nodes
    if (!first) throw new Error('A Cluster has nodes.')
    for (const [i, master] of this.masters.entries()) {
      const from = Math.floor((i * SLOTS) / MASTERS)
      const to = Math.floor(((i + 1) * SLOTS) / MASTERS) - 1
      await this.ask(master, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
      await this.ask(master, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
    }
    for (const node of this.nodes.slice(1)) {
      await this.ask(node, 'CLUSTER', 'MEET', '127.0.0.1', String(first.port))
    }
    await this.#until(async (node) => (await this.#info(node)).includes('cluster_known_nodes:6'))
    for (const [i, replica] of this.nodes.slice(MASTERS).entries()) {
      const master = this.nodes[i] ?? first
      await this.#until(async () =>
        String(await this.ask(replica, 'CLUSTER', 'NODES')).includes(await this.idOf(master)),
      )
      await this.ask(replica, 'CLUSTER', 'REPLICATE', await this.idOf(master))
    }
    await this.#until(async (node) => (await this.#info(node)).includes('cluster_state:ok'))
    for (const master of this.masters) {
      await this.#until(
        async (node) =>
          node !== master ||
          /slave0:.*state=online/.test(String(await this.ask(node, 'INFO', 'replication'))),
      )
    }
  }

  async #info(node: RedisServer): Promise<string> {
    return String(await this.ask(node, 'CLUSTER', 'INFO'))
  }

  /** Waits until `holds` on every node. */
  async #until(holds: (node: RedisServer) => Promise<boolean>): Promise<void> {
    for (const node of this.nodes) while (!(await holds(node))) await new Promise(setImmediate)
  }
}
