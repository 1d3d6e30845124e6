import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import { bornInFrom, movingCases, movingSqliteHarness, straight } from './moving-harness.ts'

const ENTRANCES = [
  { when: 'while it moves', entrance: straight },
  { when: 'for sessions that were there before', entrance: bornInFrom },
]

describe.each(ENTRANCES)(
  'moving from one SQLite file to another keeps the contract $when',
  ({ entrance }) => {
    for (const storeCase of movingCases(entrance, storeContractCases)) {
      it(storeCase.name, async () => {
        const result = await runStoreCase(storeCase, () => movingSqliteHarness(entrance))
        expect(result.status).not.toBe('skipped')
        if (result.status === 'failed') throw result.error
      })
    }
  },
)
