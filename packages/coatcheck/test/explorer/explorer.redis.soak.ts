import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explore, type Scenario } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { RedisCluster } from '../helpers/redis-cluster.ts'
import { freshPrefix, redisOnTestClock } from '../stores/redis-harness.ts'
import { cachedScenarios } from './cached-scenarios.ts'
import { withRealTimers } from './real-timers.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
/** Per scenario: together at least 10,000 orders without caches, and as many with them. */
const ORDERS = Math.ceil(10_500 / explorerScenarios.length)
const CACHED_ORDERS = Math.ceil(10_500 / cachedScenarios.length)

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

  it.each(explorerScenarios)('$name', (scenario) => exploreOnCluster(scenario, ORDERS, false))

  it.each(cachedScenarios)('with near caches: $name', (scenario) =>
    exploreOnCluster(scenario, CACHED_ORDERS, true),
  )

  async function exploreOnCluster(scenario: Scenario, orders: number, nearCache: boolean): Promise<void> {
    console.log(`${orders} orders on a Redis Cluster, COATCHECK_SEED=${SEED}: ${scenario.name}`)
    const prefix = freshPrefix()
    const handles = clients.map((client) => withRealTimers(redisOnTestClock(client, prefix)))
    const exploration = await explore(scenario, { stores: () => handles, orders, seed: SEED, nearCache })
    expect(exploration.orders).toBe(orders)
  }
})

function connect({ masters }: RedisCluster) {
  return createCluster({ rootNodes: masters.map(({ url }) => ({ url })) }).connect()
}
