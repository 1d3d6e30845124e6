import { afterAll, describe, expect, it } from 'vitest'
import { type Exploration, explore, type Scenario } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { memoryStores, sqliteStores } from './explorer-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
/** Per scenario: together at least 10,000 orders on memory and 500 on SQLite. */
const MEMORY_ORDERS = Math.ceil(10_500 / explorerScenarios.length)
const SQLITE_ORDERS = Math.ceil(540 / explorerScenarios.length)
const named = explorerScenarios.map((scenario) => [scenario.name, scenario] as const)

describe.each([
  { name: 'memory', open: () => memoryStores(), orders: MEMORY_ORDERS },
  { name: 'two handles on one SQLite file', open: sqliteStores, orders: SQLITE_ORDERS },
])('on $name', ({ name, open, orders }) => {
  const explored: Exploration[] = []

  afterAll(() => {
    const total = sum(explored.map((one) => one.orders))
    const steps = sum(explored.map((one) => one.steps))
    console.log(`explored on ${name}: ${total} orders, ${steps} steps, COATCHECK_SEED=${SEED}`)
  })

  it.each(named)('%s', async (_name, scenario) => {
    const { stores, close } = open()
    const exploration = await explore(scenario, { stores, orders, seed: SEED }).finally(close)
    explored.push(exploration)
    expect(exploration.orders).toBe(orders)
    // Fewer orders than these may miss what is rare.
    if (orders >= 250) expect(missed(scenario, exploration)).toEqual([])
  })
})

describe('every order there is', () => {
  it.each(['P1 a logout that races a step-up leaves nobody signed in'])('%s', async (name) => {
    const scenario = explorerScenarios.find((one) => one.name === name)
    const { stores } = memoryStores()
    const exploration = await explore(scenario as Scenario, { stores, orders: 100_000, every: {} })
    expect(exploration.complete).toBe(true)
    expect(exploration.orders).toBeGreaterThan(100)
  })
})

/** What the scenario is about and no order came to: then it proves nothing. */
function missed({ reaches = [] }: Scenario, { counts }: Exploration): readonly string[] {
  return reaches.filter((what) => !counts.has(what))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
