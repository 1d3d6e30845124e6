import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { bornInFrom, COUNTED_TWICE, movingCases, movingInProcess, straight } from './moving-harness.ts'
import { processCases } from './process-cases.ts'

const STORES = [
  { name: 'memory', create: memory },
  { name: 'sqlite in memory', create: () => sqlite(':memory:') },
]

const ENTRANCES = [
  { when: 'while it moves', entrance: straight },
  { when: 'for sessions that were there before', entrance: bornInFrom },
]

for (const { name, create } of STORES) {
  describe.each(ENTRANCES)(`moving from ${name} to ${name} keeps the contract $when`, ({ entrance }) => {
    for (const storeCase of movingCases(entrance, processCases)) {
      it(storeCase.name, async () => {
        const result = await runStoreCase(storeCase, () => movingInProcess(entrance, create))
        expect(result.status).not.toBe('skipped')
        if (result.status === 'failed') throw result.error
      })
    }
  })
}

it.each(COUNTED_TWICE)('the contract has the case that is left out: %s', (name) => {
  expect(storeContractCases.filter((storeCase) => name.test(storeCase.name))).toHaveLength(1)
})
