import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import { sqliteHarness } from './sqlite-harness.ts'

describe('the sqlite store keeps the contract', () => {
  for (const storeCase of storeContractCases) {
    it(storeCase.name, async () => {
      const result = await runStoreCase(storeCase, () => sqliteHarness())
      expect(result.status).not.toBe('skipped')
      if (result.status === 'failed') throw result.error
    })
  }
})
