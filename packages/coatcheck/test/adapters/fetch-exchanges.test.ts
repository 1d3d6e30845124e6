import { fetchHarness } from './harness/fetch.ts'
import { runExchanges } from './harness/run-exchanges.ts'

runExchanges('coatcheck/fetch', fetchHarness)
