import { nextHarness } from './harness/next.ts'
import { createCachedStore, runExchanges } from './harness/run-exchanges.ts'

runExchanges('route handlers of coatcheck/next', nextHarness)
runExchanges('route handlers of coatcheck/next with a near cache', nextHarness, {
  createStore: createCachedStore,
})
