import { type CreateHarness, runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import { bornInFrom, movingMemoryHarness, movingSqliteHarness, straight } from './moving-harness.ts'

/** These count tombstones, and what has moved and then ended has one in either store. */
const COUNTED_TWICE: readonly RegExp[] = [
  /^STO-07 a tombstone stays for its retention and goes after it$/,
  /^sweep removes at most as many tombstones as its limit$/,
]

describe.each([
  { name: 'memory to memory', createHarness: () => movingMemoryHarness(straight) },
  { name: 'sqlite to sqlite', createHarness: () => movingSqliteHarness(straight) },
])('moving from $name keeps the contract', ({ createHarness }) => runContract(createHarness, []))

describe.each([
  { name: 'memory to memory', createHarness: () => movingMemoryHarness(bornInFrom) },
  { name: 'sqlite to sqlite', createHarness: () => movingSqliteHarness(bornInFrom) },
])('moving from $name keeps the contract for sessions that were there before', ({ createHarness }) =>
  runContract(createHarness, COUNTED_TWICE),
)

it.each(COUNTED_TWICE)('the contract has the case that is left out: %s', (name) => {
  expect(storeContractCases.filter((storeCase) => name.test(storeCase.name))).toHaveLength(1)
})

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
