import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Exploration, explore } from '../../src/store-testing/explorer/explore.ts'
import { cachedScenarios, told } from './cached-scenarios.ts'
import { type PostgresStores, postgresStores } from './postgres-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
/** Per scenario: together at least 500 orders. */
const ORDERS = Math.ceil(540 / cachedScenarios.length)

describe('on two nodes of one PostgreSQL server, with a near cache in each', () => {
  const explored: Exploration[] = []
  let open: PostgresStores

  beforeAll(async () => {
    open = await postgresStores('pg')
  })

  afterAll(async () => {
    await open.close()
    told('PostgreSQL', explored, SEED)
  })

  it.each(cachedScenarios)('$name', async (scenario) => {
    await open.reset()
    const { stores } = open
    const exploration = await explore(scenario, { stores, orders: ORDERS, seed: SEED, nearCache: true })
    explored.push(exploration)
    expect(exploration.orders).toBe(ORDERS)
  })
})
