import { describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { memoryStores } from '../explorer/explorer-stores.ts'
import { refreshScenarios } from './refresh-scenarios.ts'

const ORDERS = 100

describe.each([false, true])('the explorer, near cache %s', (nearCache) => {
  it.each(refreshScenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_, scenario) => {
      const { stores } = memoryStores()
      const { counts } = await explore(scenario, { stores, orders: ORDERS, seed: 1, nearCache })
      for (const what of scenario.reaches ?? [])
        expect(`${what}: ${counts.get(what) ?? 0}`).not.toBe(`${what}: 0`)
    },
  )
})
