import { compareWithModel, MODEL_RETENTION, runStoreCase } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { inTurn } from './in-turn.ts'
import { processCases } from './process-cases.ts'
import { RETENTION, temporaryDirectory } from './sqlite-harness.ts'

describe('the sqlite store in memory keeps the contract', () => {
  for (const storeCase of processCases) {
    it(storeCase.name, async () => {
      const result = await runStoreCase(storeCase, inMemoryHarness)
      expect(result.status).not.toBe('skipped')
      if (result.status === 'failed') throw result.error
    })
  }
})

describe('the sqlite store answers as the model does', () => {
  for (const seed of [1, 2, 3, 4]) {
    it(`under 500 random commands from seed ${seed}`, async () => {
      await compareWithModel({ seed, commands: 500, open: () => openPair(1) })
    })
  }

  for (const seed of [5, 6, 7, 8]) {
    it(`under 500 random commands from seed ${seed} that come to two handles in turn`, async () => {
      await compareWithModel({ seed, commands: 500, open: () => openPair(2) })
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

async function openPair(handles: number) {
  const environment = new FakeEnvironment()
  const context = { environment, tombstoneRetention: MODEL_RETENTION }
  const directory = temporaryDirectory()
  const model = memory()
  const stores = Array.from({ length: handles }, () => sqlite(`${directory.path}/sessions.db`))
  await Promise.all([model, ...stores].map((store) => store.open(context)))
  return {
    model,
    store: inTurn(stores),
    advance: (milliseconds: number) => environment.advance(milliseconds),
    async close() {
      await Promise.all(stores.map((store) => store.close()))
      directory.dispose()
    },
  }
}
