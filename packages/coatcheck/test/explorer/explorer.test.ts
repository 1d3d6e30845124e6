import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { memoryStores, type OpenStores, sqliteStores } from './explorer-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
/** Per scenario: together at least 10,000 orders on memory and 500 on SQLite. */
const MEMORY_ORDERS = Math.ceil(10_500 / explorerScenarios.length)
const SQLITE_ORDERS = Math.ceil(540 / explorerScenarios.length)

describe.each([
  { name: 'memory', open: () => memoryStores(), orders: MEMORY_ORDERS },
  { name: 'two handles on one SQLite file', open: sqliteStores, orders: SQLITE_ORDERS },
])('on $name', ({ name, open, orders }) => {
  let stores: OpenStores
  let explored = 0
  let steps = 0

  beforeAll(async () => {
    stores = await open()
  })
  afterAll(async () => {
    await stores.close()
    console.log(`explored on ${name}: ${explored} orders, ${steps} steps, COATCHECK_SEED=${SEED}`)
  })

  it.each(explorerScenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      const result = await explore(scenario, { stores, orders, seed: SEED })
      explored += result.orders
      steps += result.steps
      expect(result.orders).toBe(orders)
    },
  )
})
