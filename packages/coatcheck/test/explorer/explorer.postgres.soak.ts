import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explore, type Scenario } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { cachedScenarios } from './cached-scenarios.ts'
import { type PostgresStores, postgresStores } from './postgres-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
/** Per scenario: together at least 10,000 orders for each driver without caches, and as many with them. */
const ORDERS = Math.ceil(10_500 / explorerScenarios.length)
const CACHED_ORDERS = Math.ceil(10_500 / cachedScenarios.length)

describe.each(['pg', 'postgres'] as const)('on two nodes of one PostgreSQL server, through %s', (driver) => {
  let open: PostgresStores

  beforeAll(async () => {
    open = await postgresStores(driver)
  })

  afterAll(() => open.close())

  it.each(explorerScenarios)('$name', (scenario) => exploreOn(scenario, ORDERS, false))

  it.each(cachedScenarios)('with near caches: $name', (scenario) => exploreOn(scenario, CACHED_ORDERS, true))

  async function exploreOn(scenario: Scenario, orders: number, nearCache: boolean): Promise<void> {
    console.log(`${orders} orders on PostgreSQL, COATCHECK_SEED=${SEED}: ${scenario.name}`)
    await open.reset()
    const exploration = await explore(scenario, { stores: open.stores, orders, seed: SEED, nearCache })
    expect(exploration.orders).toBe(orders)
  }
})
