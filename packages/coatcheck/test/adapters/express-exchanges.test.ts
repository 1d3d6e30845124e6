import { expressHarness } from './harness/express.ts'
import { runExchanges } from './harness/run-exchanges.ts'
import { createSqliteStore } from './harness/sqlite-store.ts'

runExchanges('coatcheck/express', expressHarness)

// Opening a database takes its time; these are the sentences in which the store has a part.
runExchanges('coatcheck/express on SQLite', expressHarness, {
  createStore: createSqliteStore,
  only: /\b(?:P\d+|STO-\d+)\b/,
})
