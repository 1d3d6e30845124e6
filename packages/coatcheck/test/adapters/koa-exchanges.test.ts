import { koaHarness, koaStreamHarness } from './harness/koa.ts'
import { createCachedStore, runExchanges } from './harness/run-exchanges.ts'
import { createSqliteStore } from './harness/sqlite-store.ts'

runExchanges('coatcheck/koa', koaHarness)
runExchanges('coatcheck/koa with a near cache', koaHarness, { createStore: createCachedStore })
runExchanges('coatcheck/koa with streams', koaStreamHarness)

// Opening a database takes its time; these are the sentences in which the store has a part.
runExchanges('coatcheck/koa on SQLite', koaHarness, {
  createStore: createSqliteStore,
  only: /\b(?:P\d+|STO-\d+)\b/,
})
