import { describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { memoryStores, sqliteStores } from './explorer-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
const named = explorerScenarios.map((scenario) => [scenario.name, scenario] as const)

describe.each([
  { name: 'memory', open: () => memoryStores(), orders: 20_000 },
  { name: 'two handles on one SQLite file', open: sqliteStores, orders: 1_000 },
])('on $name', ({ name, open, orders }) => {
  it.each(named)('%s', async (_name, scenario) => {
    console.log(`${orders} orders on ${name}, COATCHECK_SEED=${SEED}: ${scenario.name}`)
    const { stores, close } = open()
    const exploration = await explore(scenario, { stores, orders, seed: SEED }).finally(close)
    expect(exploration.orders).toBe(orders)
  })
})

describe.each([
  { name: 'one preemption', preemptions: 1 },
  { name: 'two preemptions', preemptions: 2 },
])('every order with $name, as far as 20,000 go', ({ preemptions }) => {
  it.each(named)('%s', async (name, scenario) => {
    const { stores } = memoryStores()
    const { orders, complete } = await explore(scenario, { stores, orders: 20_000, every: { preemptions } })
    console.log(`${orders} orders${complete ? ', which are all' : ''}: ${name}`)
    expect(orders).toBeGreaterThan(0)
  })
})
