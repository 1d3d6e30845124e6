import { fetchHarness } from './harness/fetch.ts'
import { createCachedStore, runExchanges } from './harness/run-exchanges.ts'

runExchanges('coatcheck/fetch', fetchHarness)
runExchanges('coatcheck/fetch with a near cache', fetchHarness, { createStore: createCachedStore })
