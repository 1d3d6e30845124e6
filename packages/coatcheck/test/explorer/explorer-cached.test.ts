import { afterAll, describe, expect, it } from 'vitest'
import { type Exploration, explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { cacheScenarios } from '../../src/store-testing/explorer/scenarios/cache-scenarios.ts'
import { memoryStores } from './explorer-stores.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)

describe('on memory, with a near cache in each node', () => {
  const explored: Exploration[] = []

  afterAll(() => {
    const sum = (of: (one: Exploration) => number) => explored.reduce((total, one) => total + of(one), 0)
    const hits = sum(({ counts }) => counts.get('hit') ?? 0)
    const stale = sum(({ counts }) => counts.get('stale hit') ?? 0)
    const orders = sum((one) => one.orders)
    console.log(
      `explored with caches: ${orders} orders, ${hits} hits, ${stale} stale, COATCHECK_SEED=${SEED}`,
    )
  })

  it.each(cacheScenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      const { stores } = memoryStores()
      const exploration = await explore(scenario, { stores, orders: 250, seed: SEED })
      explored.push(exploration)
      expect(scenario.reaches?.filter((what) => !exploration.counts.has(what))).toEqual([])
    },
  )

  it.each(explorerScenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_name, scenario) => {
      const { stores } = memoryStores()
      const exploration = await explore(scenario, { stores, orders: 40, seed: SEED, nearCache: true })
      explored.push(exploration)
      expect(exploration.orders).toBe(40)
    },
  )
})
