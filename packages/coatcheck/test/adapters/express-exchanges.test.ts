import { expressHarness } from './harness/express.ts'
import { runExchanges } from './harness/run-exchanges.ts'

runExchanges('coatcheck/express', expressHarness)
