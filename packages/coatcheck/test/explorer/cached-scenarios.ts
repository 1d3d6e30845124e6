import type { Exploration } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { cacheScenarios } from '../../src/store-testing/explorer/scenarios/cache-scenarios.ts'

/** What nodes with near caches are held to: all that others are, and what only caches could get wrong. */
export const cachedScenarios = [...cacheScenarios, ...explorerScenarios]

/** Says for the log what has been explored. */
export function told(engine: string, explored: readonly Exploration[], seed: number): void {
  const sum = (of: (one: Exploration) => number) => explored.reduce((total, one) => total + of(one), 0)
  const hits = sum(({ counts }) => counts.get('hit') ?? 0)
  const stale = sum(({ counts }) => counts.get('stale hit') ?? 0)
  const orders = sum((one) => one.orders)
  console.log(
    `explored with caches on ${engine}: ${orders} orders, ${hits} hits, ${stale} stale, COATCHECK_SEED=${seed}`,
  )
}
