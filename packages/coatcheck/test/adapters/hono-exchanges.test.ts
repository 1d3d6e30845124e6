import { honoHarness } from './harness/hono.ts'
import { runExchanges } from './harness/run-exchanges.ts'

runExchanges('coatcheck/hono', honoHarness)
