import { type CreateHarness, runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import { bornInFrom, movingMemoryHarness, movingSqliteHarness, straight } from './moving-harness.ts'

/** What cannot hold for sessions that were made in `from` alone, as no node does while they move. */
const NOT_FROM_OUTSIDE: readonly RegExp[] = []

describe.each([
  { name: 'memory to memory', createHarness: () => movingMemoryHarness(straight) },
  { name: 'sqlite to sqlite', createHarness: () => movingSqliteHarness(straight) },
])('moving from $name keeps the contract', ({ createHarness }) => runContract(createHarness, []))

describe.each([
  { name: 'memory to memory', createHarness: () => movingMemoryHarness(bornInFrom) },
  { name: 'sqlite to sqlite', createHarness: () => movingSqliteHarness(bornInFrom) },
])('moving from $name keeps the contract for sessions that were there before', ({ createHarness }) =>
  runContract(createHarness, NOT_FROM_OUTSIDE),
)

function runContract(createHarness: CreateHarness, without: readonly RegExp[]): void {
  for (const storeCase of storeContractCases) {
    if (without.some((name) => name.test(storeCase.name))) continue
    it(storeCase.name, async ({ skip }) => {
      const result = await runStoreCase(storeCase, createHarness)
      if (result.status === 'skipped') skip(result.missing)
      if (result.status === 'failed') throw result.error
      expect(result.status).toBe('passed')
    })
  }
}
