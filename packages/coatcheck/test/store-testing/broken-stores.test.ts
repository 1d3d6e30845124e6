import { compareWithModel, MODEL_RETENTION, ModelMismatch, runStoreContract } from 'coatcheck/store-testing'
import { describe, expect, it } from 'vitest'
import type { SessionStore } from '../../src/core/store.ts'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { memoryHarness } from '../stores/memory-harness.ts'
import { activityFaults } from './faults/activity-faults.ts'
import { endFaults } from './faults/end-faults.ts'
import { identityFaults } from './faults/identity-faults.ts'
import { listAndSweepFaults } from './faults/list-and-sweep-faults.ts'
import { movingFaults } from './faults/moving-faults.ts'
import { replaceFaults } from './faults/replace-faults.ts'
import { writeFaults } from './faults/write-faults.ts'

const brokenStores = [
  ...writeFaults,
  ...identityFaults,
  ...activityFaults,
  ...replaceFaults,
  ...endFaults,
  ...listAndSweepFaults,
  ...movingFaults,
]

describe('the contract suite catches a store in which', () => {
  for (const { fault, caughtBy, Store } of brokenStores) {
    it(fault, async () => {
      const { failed } = await runStoreContract(() => memoryHarness((store) => new Store(store)))
      expect(failed.map(({ name }) => name)).toContainEqual(expect.stringMatching(caughtBy))
    })
  }
})

describe('the comparison with the model catches a store in which', () => {
  for (const { fault, Store } of brokenStores.filter(({ seenByModel }) => seenByModel)) {
    it(fault, async () => {
      const mismatch = await firstMismatch((store) => new Store(store))
      expect(mismatch).toBeInstanceOf(ModelMismatch)
      expect(mismatch?.commands.length).toBeLessThan(25)
      expect(mismatch?.message).toContain(`seed ${mismatch?.seed}`)
    })
  }
})

/** The first of a fixed row of seeds by which the fault shows. */
async function firstMismatch(wrap: (store: SessionStore) => SessionStore): Promise<ModelMismatch | null> {
  for (let seed = 1; seed <= 20; seed++) {
    try {
      await compareWithModel({ seed, commands: 400, open: () => openPair(wrap) })
    } catch (error) {
      if (error instanceof ModelMismatch) return error
      throw error
    }
  }
  return null
}

async function openPair(wrap: (store: SessionStore) => SessionStore) {
  const environment = new FakeEnvironment()
  const context = { environment, tombstoneRetention: MODEL_RETENTION }
  const model = memory()
  const store = wrap(memory())
  await Promise.all([model.open(context), store.open(context)])
  return { model, store, advance: (milliseconds: number) => environment.advance(milliseconds) }
}
