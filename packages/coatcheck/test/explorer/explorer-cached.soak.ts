import { describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { cacheScenarios } from '../../src/store-testing/explorer/scenarios/cache-scenarios.ts'
import { memoryStores } from './explorer-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
const ORDERS = 10_000

describe('on memory, with a near cache in each node', () => {
  it.each([...cacheScenarios, ...explorerScenarios].map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      console.log(`${ORDERS} orders with caches, COATCHECK_SEED=${SEED}: ${scenario.name}`)
      const { stores } = memoryStores()
      const exploration = await explore(scenario, { stores, orders: ORDERS, seed: SEED, nearCache: true })
      expect(exploration.orders).toBe(ORDERS)
    },
  )
})
