import { afterAll, describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { memory } from '../../src/stores/memory.ts'
import { moving } from '../../src/stores/moving.ts'
import { bornInFrom, straight } from './moving-harness.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
const ORDERS = Math.ceil(2_000 / explorerScenarios.length)
const named = explorerScenarios.map((scenario) => [scenario.name, scenario] as const)

describe.each([
  { name: 'sessions of the new store', entrance: straight },
  { name: 'sessions that were there before', entrance: bornInFrom },
])('two nodes that move from memory to memory, with $name', ({ name, entrance }) => {
  let orders = 0

  afterAll(() => console.log(`explored moving with ${name}: ${orders} orders, COATCHECK_SEED=${SEED}`))

  it.each(named)('%s', async (_name, scenario) => {
    const stores = () => {
      const [from, to] = [memory(), memory()]
      return ['A', 'B'].map(() => entrance(moving({ from, to }), from))
    }
    const exploration = await explore(scenario, { stores, orders: ORDERS, seed: SEED })
    orders += exploration.orders
    expect(exploration.orders).toBe(ORDERS)
  })
})
