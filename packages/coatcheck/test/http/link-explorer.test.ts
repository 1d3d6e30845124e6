import { describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { memoryStores } from '../explorer/explorer-stores.ts'
import { linkScenarios } from './link-scenarios.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
const ORDERS = 100

describe.each([false, true])('linked sessions, near cache %s', (nearCache) => {
  it.each(linkScenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_, scenario) => {
    const { stores } = memoryStores()
    const { counts } = await explore(scenario, { stores, orders: ORDERS, seed: SEED, nearCache })
    for (const what of scenario.reaches ?? []) {
      expect(`${what}: ${counts.get(what) ?? 0}`).not.toBe(`${what}: 0`)
    }
  })
})
