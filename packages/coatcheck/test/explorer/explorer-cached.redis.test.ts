import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Exploration, explore } from '../../src/store-testing/explorer/explore.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { freshPrefix, redisOnTestClock } from '../stores/redis-harness.ts'
import { cachedScenarios, told } from './cached-scenarios.ts'
import { withRealTimers } from './real-timers.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
/** Per scenario: together at least 500 orders. */
const ORDERS = Math.ceil(540 / cachedScenarios.length)

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

describe('on two handles on one Redis, with a near cache in each node', () => {
  const explored: Exploration[] = []

  afterAll(() => told('Redis', explored, SEED))

  it.each(cachedScenarios)('$name', async (scenario) => {
    const prefix = freshPrefix()
    const handles = clients.map((client) => withRealTimers(redisOnTestClock(client, prefix)))
    const stores = () => handles
    const exploration = await explore(scenario, { stores, orders: ORDERS, seed: SEED, nearCache: true })
    explored.push(exploration)
    expect(exploration.orders).toBe(ORDERS)
  })
})

function connect() {
  return createClient({ url: server.url }).connect()
}
