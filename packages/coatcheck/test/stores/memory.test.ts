import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { describe, it } from 'vitest'
import { memoryHarness } from './memory-harness.ts'

describe('the memory store keeps the contract', () => {
  for (const storeCase of storeContractCases) {
    it(storeCase.name, async ({ skip }) => {
      const result = await runStoreCase(storeCase, memoryHarness)
      if (result.status === 'skipped') skip(result.missing)
      if (result.status === 'failed') throw result.error
    })
  }
})
