import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { type PostgresStores, postgresStores } from '../explorer/postgres-stores.ts'
import { refreshScenarios } from './refresh-scenarios.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
/** Per scenario: together at least 60 orders. */
const ORDERS = Math.ceil(60 / refreshScenarios.length)

describe.each([false, true])(
  'refresh families on two nodes of one PostgreSQL, near cache %s',
  (nearCache) => {
    let open: PostgresStores

    beforeAll(async () => {
      open = await postgresStores('pg')
    })

    afterAll(() => open.close())

    it.each(refreshScenarios.map((scenario) => [scenario.name, scenario] as const))(
      '%s',
      async (_, scenario) => {
        await open.reset()
        const options = { stores: open.stores, orders: ORDERS, seed: SEED, nearCache }
        expect((await explore(scenario, options)).orders).toBe(ORDERS)
      },
    )
  },
)
