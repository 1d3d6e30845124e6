import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explore } from '../../src/store-testing/explorer/explore.ts'
import { withRealTimers } from '../explorer/real-timers.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { freshPrefix, redisOnTestClock } from '../stores/redis-harness.ts'
import { refreshScenarios } from './refresh-scenarios.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 20_261_121)
/** Per scenario: together at least 150 orders. */
const ORDERS = Math.ceil(150 / refreshScenarios.length)

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

describe.each([false, true])('refresh families on two handles on one Redis, near cache %s', (nearCache) => {
  it.each(refreshScenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_, scenario) => {
      const prefix = freshPrefix()
      const handles = clients.map((client) => withRealTimers(redisOnTestClock(client, prefix)))
      const options = { stores: () => handles, orders: ORDERS, seed: SEED, nearCache }
      expect((await explore(scenario, options)).orders).toBe(ORDERS)
    },
  )
})

function connect() {
  return createClient({ url: server.url }).connect()
}
