import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { describe, it } from 'vitest'
import { sqliteHarness } from './sqlite-harness.ts'

describe('the sqlite store keeps the contract', () => {
  for (const storeCase of storeContractCases) {
    it(storeCase.name, async ({ skip }) => {
      const result = await runStoreCase(storeCase, () => sqliteHarness())
      if (result.status === 'skipped') skip(result.missing)
      if (result.status === 'failed') throw result.error
    })
  }
})
