import { afterAll, describe, expect, it } from 'vitest'
import { type Exploration, explore } from '../../src/store-testing/explorer/explore.ts'
import { cachedScenarios, told } from './cached-scenarios.ts'
import { memoryStores, sqliteStores } from './explorer-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
/** Per scenario: together thousands of orders on memory and at least 500 on SQLite. */
const MEMORY_ORDERS = 100
const MANY_MEMORY_ORDERS = 250
const SQLITE_ORDERS = Math.ceil(540 / cachedScenarios.length)

describe.each([
  { name: 'memory', open: () => memoryStores(), orders: MEMORY_ORDERS, most: MANY_MEMORY_ORDERS },
  {
    name: 'two handles on one SQLite file',
    open: sqliteStores,
    orders: SQLITE_ORDERS,
    most: SQLITE_ORDERS,
  },
])('on $name, with a near cache in each node', ({ name, open, orders, most }) => {
  const explored: Exploration[] = []

  afterAll(() => told(name, explored, SEED))

  it.each(cachedScenarios)('$name', async (scenario) => {
    const { stores, close } = open()
    // What only caches could get wrong must come to what it is about; the others are asked that without caches.
    const isAboutCaches = scenario.options?.sessions?.nearCache === true
    const exploring = { stores, orders: isAboutCaches ? most : orders, seed: SEED, nearCache: true }
    const exploration = await explore(scenario, exploring).finally(close)
    explored.push(exploration)
    expect(exploration.orders).toBe(exploring.orders)
    if (exploring.orders < MANY_MEMORY_ORDERS) return
    expect(scenario.reaches?.filter((what) => !exploration.counts.has(what))).toEqual([])
  })
})
