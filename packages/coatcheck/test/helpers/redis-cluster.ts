import { setTimeout as passed } from 'node:timers/promises'
import { createClient } from 'redis'
import { type Counts, FaultProxy } from './fault-proxy.ts'
import { freePort, RedisServer } from './redis-server.ts'

const MASTERS = 3
const SLOTS = 16_384
const SETTINGS = ['--save', '', '--cluster-enabled', 'yes', '--cluster-node-timeout', '1500']
/** How far a node's port for the others lies above its own. */
const BUS = 10_000

/** Three masters with a replica each. */
export class RedisCluster {
  readonly nodes: readonly RedisServer[]
  /** One per node, in the same order; none unless asked for. */
  readonly proxies: readonly FaultProxy[]

  private constructor(nodes: readonly RedisServer[], proxies: readonly FaultProxy[]) {
    this.nodes = nodes
    this.proxies = proxies
  }

  /**
   * Starts the servers, joins them and waits until each sees the whole Cluster well. `more` are settings besides. With
   * `counts` each node announces the port of a proxy of its own: clients that begin at `ports`, and replicas, come to the
   * nodes through these alone.
   */
  static async start(more: readonly string[] = [], counts: Counts | null = null): Promise<RedisCluster> {
    const ports = await Promise.all(Array.from({ length: 2 * MASTERS }, freeNodePort))
    const proxies = counts ? await Promise.all(ports.map((port) => FaultProxy.start(port, counts))) : []
    const started = ports.map((port, n) =>
      RedisServer.start([...SETTINGS, ...more, ...announcement(port, proxies[n])], port),
    )
    const cluster = new RedisCluster(await Promise.all(started), proxies)
    try {
      await cluster.#join()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** Those that have started as masters. */
  get masters(): readonly RedisServer[] {
    return this.nodes.slice(0, MASTERS)
  }

  /** Where clients begin: those of the masters, or of their proxies. */
  get ports(): readonly number[] {
    return (this.proxies.length > 0 ? this.proxies : this.nodes).slice(0, MASTERS).map(({ port }) => port)
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

  /** Which of these say that they are primaries. */
  async primaries(nodes: readonly RedisServer[]): Promise<readonly RedisServer[]> {
    const roles = await Promise.all(nodes.map((node) => this.ask(node, 'ROLE')))
    return nodes.filter((_, i) => (roles[i] as readonly unknown[])[0] === 'master')
  }

  /** Waits until all nodes, which must be running, see the Cluster well, and each primary has its replica. */
  async settled(): Promise<void> {
    for (;;) {
      const states = await Promise.all(this.nodes.map((node) => this.#info(node)))
      const links = await Promise.all(this.nodes.map((node) => this.ask(node, 'INFO', 'replication')))
      const have = (pattern: RegExp) => links.filter((link) => pattern.test(String(link))).length
      const isWell = states.every((state) => state.includes('cluster_state:ok'))
      const [primaries, replicas] = [have(/role:master.*state=online/s), have(/master_link_status:up/)]
      if (isWell && primaries === MASTERS && replicas === this.nodes.length - MASTERS) return
      await passed(50)
    }
  }

  /** Moves the slot of `key` to another master, as an administrator would, key by key; `between` runs after each step. */
  async moveSlot(key: string, between: () => Promise<unknown>): Promise<void> {
    const slot = await this.#slotOf(key)
    const owner = await this.#ownerOf(Number(slot))
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
    await Promise.all(this.proxies.map((proxy) => proxy.close()))
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

  /** Which of the masters has the slot. */
  /** The primary that has the slot of this key. */
  async primaryOf(key: string): Promise<RedisServer> {
    return this.nodes[await this.#ownerOf(Number(await this.#slotOf(key)))] as RedisServer
  }

  async #slotOf(key: string): Promise<string> {
    return String(await this.ask(this.nodes[0] as RedisServer, 'CLUSTER', 'KEYSLOT', key))
  }

  async #ownerOf(slot: number): Promise<number> {
    const ranges = (await this.ask(this.nodes[0] as RedisServer, 'CLUSTER', 'SLOTS')) as readonly (readonly [
      number,
      number,
      readonly [string, number],
    ])[]
    const range = ranges.find(([from, to]) => from <= slot && slot <= to)
    return this.ports.indexOf(range?.[2][1] ?? 0)
  }

  async #info(node: RedisServer): Promise<string> {
    return String(await this.ask(node, 'CLUSTER', 'INFO'))
  }

  /** Waits until `holds` on every node. */
  async #until(holds: (node: RedisServer) => Promise<boolean>): Promise<void> {
    for (const node of this.nodes) while (!(await holds(node))) await new Promise(setImmediate)
  }
}

/** A port whose node may have its port for the others above it. */
async function freeNodePort(): Promise<number> {
  for (;;) {
    const port = await freePort()
    if (port + BUS <= 65_535) return port
  }
}

function announcement(port: number, proxy: FaultProxy | undefined): readonly string[] {
  if (!proxy) return []
  return ['--cluster-announce-port', String(proxy.port), '--cluster-announce-bus-port', String(port + BUS)]
}
