import { nodeHarness } from './harness/node.ts'
import { createCachedStore, runExchanges } from './harness/run-exchanges.ts'

runExchanges('coatcheck/node', nodeHarness)
runExchanges('coatcheck/node with a near cache', nodeHarness, { createStore: createCachedStore })
