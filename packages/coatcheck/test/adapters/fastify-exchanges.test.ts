import { fastifyHarness, fastifyStreamHarness } from './harness/fastify.ts'
import { createCachedStore, runExchanges } from './harness/run-exchanges.ts'
import { createSqliteStore } from './harness/sqlite-store.ts'

runExchanges('coatcheck/fastify', fastifyHarness)
runExchanges('coatcheck/fastify with a near cache', fastifyHarness, { createStore: createCachedStore })
runExchanges('coatcheck/fastify with streams', fastifyStreamHarness)

// Opening a database takes its time; these are the sentences in which the store has a part.
runExchanges('coatcheck/fastify on SQLite', fastifyHarness, {
  createStore: createSqliteStore,
  only: /\b(?:P\d+|STO-\d+)\b/,
})
