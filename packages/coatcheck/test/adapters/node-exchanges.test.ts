import { nodeHarness } from './harness/node.ts'
import { runExchanges } from './harness/run-exchanges.ts'

runExchanges('coatcheck/node', nodeHarness)
