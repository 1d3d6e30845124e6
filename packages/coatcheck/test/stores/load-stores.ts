import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import type { SessionStore } from '../../src/core/store.ts'
import { postgres } from '../../src/stores/postgres.ts'
import { type RedisClient, redis } from '../../src/stores/redis.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { type DriverName, openClient } from './postgres-harness.ts'

/** A store on a client of its own. */
export interface LoadStore {
  readonly store: SessionStore
  connect(): Promise<unknown>
  end(): Promise<unknown>
}

/** Ports of a Cluster's servers, and in their stead those of the proxies before them. */
export type PortMap = readonly (readonly [server: number, proxy: number])[]

/** The store of a node: `redis` and `ioredis` take a URL, or a `PortMap` as JSON, the drivers of PostgreSQL a URL, `sqlite` a path. */
export function openStore(driver: string, address: string): LoadStore {
  if (driver === 'sqlite') return { store: sqlite(address), connect: async () => {}, end: async () => {} }
  if (driver === 'redis' || driver === 'ioredis') {
    const isOne = address.startsWith('redis:')
    return isOne ? openServer(driver, address) : openCluster(driver, JSON.parse(address) as PortMap)
  }
  const { client, end } = openClient(driver as DriverName, address, { max: 4 })
  return { store: postgres(client), connect: async () => {}, end }
}

function openServer(driver: 'redis' | 'ioredis', url: string): LoadStore {
  if (driver === 'ioredis') {
    const client = new Redis(url)
    client.on('error', () => {})
    return onRedis(client, { connect: () => client.ping(), end: () => client.disconnect() }, 0)
  }
  const client = createClient({ url })
  client.on('error', () => {})
  return onRedis(client, { connect: () => client.connect(), end: () => client.destroy() }, 0)
}

function openCluster(driver: 'redis' | 'ioredis', ports: PortMap): LoadStore {
  const addresses = ports.map(([, port]) => ({ host: '127.0.0.1', port }))
  if (driver === 'ioredis') {
    const natMap = Object.fromEntries(ports.map(([server], i) => [`127.0.0.1:${server}`, addresses[i]]))
    const client = new Cluster(addresses, { natMap: natMap as Record<string, (typeof addresses)[number]> })
    client.on('error', () => {})
    return onRedis(client, { connect: () => client.ping(), end: () => client.disconnect() })
  }
  const rootNodes = addresses.map((socket) => ({ socket }))
  const client = createCluster({ rootNodes, nodeAddressMap: (address) => addressOf(address, ports) })
  client.on('error', () => {})
  return onRedis(client, { connect: () => client.connect(), end: () => client.destroy() })
}

/** A new object each time: the driver forbids those that it is given to reconnect once it has asked such a server for slots. */
function addressOf(address: string, ports: PortMap) {
  const [, port = 0] = ports.find(([server]) => address === `127.0.0.1:${server}`) ?? []
  return { host: '127.0.0.1', port }
}

function onRedis(
  client: RedisClient,
  { connect, end }: { connect: () => Promise<unknown>; end: () => unknown },
  confirmations = 1,
): LoadStore {
  return { store: redis(client, { confirmations }), connect, end: async () => end() }
}
