import { expressHarness } from './harness/express.ts'
import { createCachedStore, runExchanges } from './harness/run-exchanges.ts'
import { createSqliteStore } from './harness/sqlite-store.ts'

runExchanges('coatcheck/express', expressHarness)
runExchanges('coatcheck/express with a near cache', expressHarness, { createStore: createCachedStore })

// Opening a database takes its time; these are the sentences in which the store has a part.
runExchanges('coatcheck/express on SQLite', expressHarness, {
  createStore: createSqliteStore,
  only: /\b(?:P\d+|STO-\d+)\b/,
})
