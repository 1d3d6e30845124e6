import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Exploration, explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { type PostgresStores, postgresStores } from './postgres-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
/** Per scenario: together at least 500 orders. */
const ORDERS = Math.ceil(540 / explorerScenarios.length)

describe('on two nodes of one PostgreSQL server', () => {
  const explored: Exploration[] = []
  let open: PostgresStores

  beforeAll(async () => {
    open = await postgresStores('pg')
  })

  afterAll(async () => {
    await open.close()
    const orders = explored.reduce((total, one) => total + one.orders, 0)
    console.log(`explored on PostgreSQL: ${orders} orders, COATCHECK_SEED=${SEED}`)
  })

  it.each(explorerScenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      await open.reset()
      const exploration = await explore(scenario, { stores: open.stores, orders: ORDERS, seed: SEED })
      explored.push(exploration)
      expect(exploration.orders).toBe(ORDERS)
    },
  )
})
