import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { RedisCluster } from '../helpers/redis-cluster.ts'
import { freshPrefix, redisOnTestClock } from '../stores/redis-harness.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
/** Per scenario: together at least 10,000 orders. */
const ORDERS = Math.ceil(10_500 / explorerScenarios.length)

describe('on two nodes of one Redis Cluster', () => {
  let cluster: RedisCluster
  let clients: Awaited<ReturnType<typeof connect>>[] = []

  beforeAll(async () => {
    cluster = await RedisCluster.start()
    clients = [await connect(cluster), await connect(cluster)]
  })

  afterAll(async () => {
    for (const client of clients) client.destroy()
    await cluster.stop()
  })

  it.each(explorerScenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      console.log(`${ORDERS} orders on a Redis Cluster, COATCHECK_SEED=${SEED}: ${scenario.name}`)
      const prefix = freshPrefix()
      const handles = clients.map((client) => redisOnTestClock(client, prefix))
      const exploration = await explore(scenario, { stores: () => handles, orders: ORDERS, seed: SEED })
      expect(exploration.orders).toBe(ORDERS)
    },
  )
})

function connect({ masters }: RedisCluster) {
  return createCluster({ rootNodes: masters.map(({ url }) => ({ url })) }).connect()
}
