import { compareWithModel, MODEL_RETENTION, runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { describe, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RETENTION, sqliteHarness, temporaryDirectory } from './sqlite-harness.ts'

describe('the sqlite store keeps the contract', () => {
  for (const storeCase of storeContractCases) {
    it(storeCase.name, async ({ skip }) => {
      const result = await runStoreCase(storeCase, () => sqliteHarness())
      if (result.status === 'skipped') skip(result.missing)
      if (result.status === 'failed') throw result.error
    })
  }
})

describe('the sqlite store in memory keeps the contract', () => {
  for (const storeCase of storeContractCases) {
    it(storeCase.name, async ({ skip }) => {
      const result = await runStoreCase(storeCase, inMemoryHarness)
      if (result.status === 'skipped') skip(result.missing)
      if (result.status === 'failed') throw result.error
    })
  }
})

describe('the sqlite store answers as the model does', () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`under 500 random commands from seed ${seed}`, async () => {
      await compareWithModel({ seed, commands: 500, open: openPair })
    })
  }
})

async function inMemoryHarness() {
  const environment = new FakeEnvironment()
  const store = sqlite(':memory:')
  await store.open({ environment, tombstoneRetention: RETENTION })
  return {
    open: () => store,
    advance: (milliseconds: number) => environment.advance(milliseconds),
    stepBack: (milliseconds: number) => environment.stepWallClock(-milliseconds),
    tombstoneRetention: RETENTION,
    dispose: () => store.close(),
  }
}

async function openPair() {
  const environment = new FakeEnvironment()
  const context = { environment, tombstoneRetention: MODEL_RETENTION }
  const directory = temporaryDirectory()
  const model = memory()
  const store = sqlite(`${directory.path}/sessions.db`)
  await Promise.all([model.open(context), store.open(context)])
  return {
    model,
    store,
    advance: (milliseconds: number) => environment.advance(milliseconds),
    async close() {
      await store.close()
      directory.dispose()
    },
  }
}
