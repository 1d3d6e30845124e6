import { expressHarness } from './harness/express.ts'
import { runExchanges } from './harness/run-exchanges.ts'
import { createSqliteStore } from './harness/sqlite-store.ts'

runExchanges('coatcheck/express', expressHarness)
runExchanges('coatcheck/express on SQLite', expressHarness, createSqliteStore)
