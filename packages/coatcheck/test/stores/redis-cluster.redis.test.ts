import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisCluster } from '../helpers/redis-cluster.ts'
import { redisHarness } from './redis-harness.ts'

let cluster: RedisCluster

beforeAll(async () => {
  cluster = await RedisCluster.start()
})

afterAll(() => cluster.stop())

describe.each([
  { name: 'redis', connect: nodeRedis },
  { name: 'ioredis', connect: ioredis },
])(
  'the redis store keeps the contract on a Cluster, confirmed by a replica, through $name',
  ({ connect }) => {
    const clients: unknown[] = []
    let disconnect = () => {}

    beforeAll(async () => {
      const connected = [await connect(), await connect()]
      clients.push(...connected.map(({ client }) => client))
      disconnect = () => {
        for (const { end } of connected) end()
      }
    })

    afterAll(() => disconnect())

    for (const storeCase of storeContractCases) {
      it(storeCase.name, async () => {
        const result = await runStoreCase(storeCase, () => redisHarness(clients, 1))
        expect(result.status).not.toBe('skipped')
        if (result.status === 'failed') throw result.error
      })
    }
  },
)

async function nodeRedis() {
  const client = createCluster({ rootNodes: cluster.masters.map(({ url }) => ({ url })) })
  client.on('error', () => {})
  await client.connect()
  return { client, end: () => client.destroy() }
}

async function ioredis() {
  const client = new Cluster(cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port })))
  await client.ping()
  return { client, end: () => client.disconnect() }
}
