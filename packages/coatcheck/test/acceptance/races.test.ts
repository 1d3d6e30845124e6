import { describe, it } from 'vitest'
import type { ExchangeCase } from '../../src/store-testing/exchanges/exchange-context.ts'
import type { ExchangeHarness } from '../../src/store-testing/exchanges/harness.ts'
import { exchangeCases } from '../../src/store-testing/exchanges/table.ts'
import { expressHarness } from '../adapters/harness/express.ts'
import { fastifyHarness } from '../adapters/harness/fastify.ts'
import { fetchHarness } from '../adapters/harness/fetch.ts'
import { honoHarness } from '../adapters/harness/hono.ts'
import { koaHarness } from '../adapters/harness/koa.ts'
import { nextHarness } from '../adapters/harness/next.ts'
import { nodeHarness } from '../adapters/harness/node.ts'
import { createCachedStore } from '../adapters/harness/run-exchanges.ts'
import { createSqliteStore } from '../adapters/harness/sqlite-store.ts'

const frameworks: readonly (readonly [string, ExchangeHarness])[] = [
  ['Express', expressHarness],
  ['Fastify', fastifyHarness],
  ['Koa', koaHarness],
  ['Hono', honoHarness],
  ['route handlers of Next', nextHarness],
  ['node:http', nodeHarness],
  ['fetch', fetchHarness],
]

/** The sentences of the table that count over many requests at once. */
const COUNTS = [
  'P1 none of 100 sessions outlives a logout that races a write',
  'P2 50 parallel requests that append to one field keep all 50',
  'P3 ROT-05 100 parallel requests at the moment of rotation all succeed, with one successor',
]

describe.each(frameworks)('through %s', (_name, harness) => {
  it.each(COUNTS)('over SQLite: %s', async (name) => {
    await find(name).run(harness, createSqliteStore)
  })

  it.each(COUNTS)('over a near cache: %s', async (name) => {
    await find(name).run(harness, createCachedStore)
  })
})

function find(name: string): ExchangeCase {
  const counted = exchangeCases.find((exchange) => exchange.name === name)
  if (!counted) throw new Error(`The table has no such sentence: ${name}`)
  return counted
}
