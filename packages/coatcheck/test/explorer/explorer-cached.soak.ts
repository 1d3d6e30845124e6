import { describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { cachedScenarios } from './cached-scenarios.ts'
import { memoryStores, sqliteStores } from './explorer-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)

describe.each([
  { name: 'memory', open: () => memoryStores(), orders: 10_000 },
  {
    name: 'two handles on one SQLite file',
    open: sqliteStores,
    orders: Math.ceil(10_500 / cachedScenarios.length),
  },
])('on $name, with a near cache in each node', ({ name, open, orders }) => {
  it.each(cachedScenarios)('$name', async (scenario) => {
    console.log(`${orders} orders with caches on ${name}, COATCHECK_SEED=${SEED}: ${scenario.name}`)
    const { stores, close } = open()
    const exploring = explore(scenario, { stores, orders, seed: SEED, nearCache: true })
    expect((await exploring.finally(close)).orders).toBe(orders)
  })
})
