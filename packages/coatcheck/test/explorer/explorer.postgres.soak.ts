import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { type PostgresStores, postgresStores } from './postgres-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
/** Per scenario: together at least 10,000 orders for each driver. */
const ORDERS = Math.ceil(10_500 / explorerScenarios.length)

describe.each(['pg', 'postgres'] as const)('on two nodes of one PostgreSQL server, through %s', (driver) => {
  let open: PostgresStores

  beforeAll(async () => {
    open = await postgresStores(driver)
  })

  afterAll(() => open.close())

  it.each(explorerScenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      console.log(`${ORDERS} orders on PostgreSQL, COATCHECK_SEED=${SEED}: ${scenario.name}`)
      await open.reset()
      const exploration = await explore(scenario, { stores: open.stores, orders: ORDERS, seed: SEED })
      expect(exploration.orders).toBe(ORDERS)
    },
  )
})
