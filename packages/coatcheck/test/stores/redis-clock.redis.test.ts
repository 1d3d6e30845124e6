import { createClient } from 'redis'
import { afterAll, beforeAll, describe } from 'vitest'
import { driverOf } from '../../src/stores/redis/clients.ts'
import { RedisStore } from '../../src/stores/redis/redis-store.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { freshPrefix } from './redis-harness.ts'
import { testSteppedClocks } from './stepped-clock.ts'

let server: RedisServer
let client: Awaited<ReturnType<typeof connect>>

beforeAll(async () => {
  server = await RedisServer.start()
  client = await connect()
})

afterAll(async () => {
  client.destroy()
  await server.stop()
})

describe('over Redis', () => {
  testSteppedClocks(async () => {
    const prefix = freshPrefix()
    let now = 0
    const checks = { settings: 'ignore', confirmations: null, confirmationTimeout: 1_000 } as const
    return {
      store: () => new RedisStore({ driver: driverOf(client), prefix, clock: () => String(now), checks }),
      async setClock(instant) {
        now = instant
      },
    }
  })
})

function connect() {
  return createClient({ url: server.url }).connect()
}
