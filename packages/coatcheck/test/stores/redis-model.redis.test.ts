import { compareWithModel, MODEL_RETENTION } from 'coatcheck/store-testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { freshPrefix, redisOnTestClock } from './redis-harness.ts'

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

describe('the redis store answers as the model does', () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it(`under 500 random commands from seed ${seed}`, async () => {
      await compareWithModel({ seed, commands: 500, open: openPair })
    })
  }
})

function connect() {
  return createClient({ url: server.url }).connect()
}

async function openPair() {
  const environment = new FakeEnvironment()
  const context = { environment, tombstoneRetention: MODEL_RETENTION }
  const [model, store] = [memory(), redisOnTestClock(client, freshPrefix())]
  await Promise.all([model, store].map((one) => one.open(context)))
  return {
    model,
    store,
    advance: (milliseconds: number) => environment.advance(milliseconds),
    close: () => store.close(),
  }
}
