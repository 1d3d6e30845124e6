import { nextHarness } from './harness/next.ts'
import { runExchanges } from './harness/run-exchanges.ts'

runExchanges('route handlers of coatcheck/next', nextHarness)
