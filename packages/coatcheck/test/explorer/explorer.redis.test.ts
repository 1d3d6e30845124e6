import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Exploration, explore } from '../../src/store-testing/explorer/explore.ts'
import { explorerScenarios } from '../../src/store-testing/explorer/explorer-scenarios.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { freshPrefix, redisOnTestClock } from '../stores/redis-harness.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
/** Per scenario: together at least 500 orders. */
const ORDERS = Math.ceil(540 / explorerScenarios.length)
const named = explorerScenarios.map((scenario) => [scenario.name, scenario] as const)

let server: RedisServer
let clients: Awaited<ReturnType<typeof connect>>[] = []

beforeAll(async () => {
  server = await RedisServer.start()
  clients = [await connect(), await connect()]
})

afterAll(async () => {
  for (const client of clients) client.destroy()
  await server.stop()
})

describe('on two handles on one Redis', () => {
  const explored: Exploration[] = []

  afterAll(() => {
    const total = explored.reduce((sum, { orders }) => sum + orders, 0)
    console.log(`explored on Redis: ${total} orders, COATCHECK_SEED=${SEED}`)
  })

  it.each(named)('%s', async (_name, scenario) => {
    const prefix = freshPrefix()
    const handles = clients.map((client) => redisOnTestClock(client, prefix))
    const exploration = await explore(scenario, { stores: () => handles, orders: ORDERS, seed: SEED })
    explored.push(exploration)
    expect(exploration.orders).toBe(ORDERS)
  })
})

function connect() {
  return createClient({ url: server.url }).connect()
}
