import type { StoreHarness } from 'coatcheck/store-testing'
import type { SessionStore } from '../../src/core/store.ts'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'

const RETENTION = 3_600_000

/** A memory store on a clock that stands still, in the shape that contract cases run on. `wrap` may come in between. */
export async function memoryHarness(
  wrap: (store: SessionStore) => SessionStore = (store) => store,
): Promise<StoreHarness> {
  const environment = new FakeEnvironment()
  const store = wrap(memory())
  await store.open({ environment, tombstoneRetention: RETENTION })
  return {
    open: () => store,
    advance: (milliseconds) => environment.advance(milliseconds),
    stepBack: (milliseconds) => environment.stepWallClock(-milliseconds),
    tombstoneRetention: RETENTION,
    dispose: () => store.close(),
  }
}
