import { describe, expect, it } from 'vitest'
import type { ExchangeHarness } from '../../src/store-testing/exchanges/harness.ts'
import { exchangeCases } from '../../src/store-testing/exchanges/table.ts'
import { expressHarness } from '../adapters/harness/express.ts'
import { fastifyHarness } from '../adapters/harness/fastify.ts'
import { fetchHarness } from '../adapters/harness/fetch.ts'
import { honoHarness } from '../adapters/harness/hono.ts'
import { koaHarness } from '../adapters/harness/koa.ts'
import { nextHarness } from '../adapters/harness/next.ts'
import { nodeHarness } from '../adapters/harness/node.ts'
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

describe.each(frameworks)('through %s over SQLite', (_name, harness) => {
  it.each(COUNTS)('%s', async (name) => {
    const counted = exchangeCases.find((exchange) => exchange.name === name)
    expect(counted).toBeDefined()
    await counted?.run(harness, createSqliteStore)
  })
})
