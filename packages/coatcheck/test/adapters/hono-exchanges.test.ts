import { honoHarness } from './harness/hono.ts'
import { createCachedStore, runExchanges } from './harness/run-exchanges.ts'

runExchanges('coatcheck/hono', honoHarness)
runExchanges('coatcheck/hono with a near cache', honoHarness, { createStore: createCachedStore })
