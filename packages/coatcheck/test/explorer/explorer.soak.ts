import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { memoryStores, type OpenStores, sqliteStores } from './explorer-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? Math.floor(performance.timeOrigin) % 1_000_000_000)

describe.each([
  { name: 'memory', open: () => memoryStores(), orders: 20_000 },
  { name: 'two handles on one SQLite file', open: sqliteStores, orders: 600 },
])('on $name', ({ name, open, orders }) => {
  let stores: OpenStores

  beforeAll(async () => {
    stores = await open()
    console.log(`exploring ${orders} orders of each scenario on ${name}, COATCHECK_SEED=${SEED}`)
  })
  afterAll(() => stores.close())

  it.each(explorerScenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      expect((await explore(scenario, { stores, orders, seed: SEED })).orders).toBe(orders)
    },
  )
})

describe('every order', () => {
  it('P1 of a logout that races a step-up', async () => {
    const stores = await memoryStores()
    const scenario = explorerScenarios.find(({ name }) => name.includes('races a step-up'))
    if (!scenario) throw new Error('The scenario has another name.')
    const { orders, complete } = await explore(scenario, { stores, orders: 1_000_000, seed: 'every' })
    console.log(`a logout that races a step-up: ${orders} orders are all there are`)
    expect(complete).toBe(true)
    await stores.close()
  })
})
