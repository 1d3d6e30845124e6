import { compareWithModel, MODEL_RETENTION } from 'coatcheck/store-testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { memory } from '../../src/stores/memory.ts'
import { FakeEnvironment } from '../../src/testing/fake-environment.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { freshPrefix, redisOnTestClock } from './redis-harness.ts'

const SEED = Number(process.env.COATCHECK_SEED ?? 1)
const RUNS = 200

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
  it(`under 1,000 random commands from each of ${RUNS} seeds, COATCHECK_SEED=${SEED} the first`, async () => {
    for (let run = 0; run < RUNS; run++) {
      await compareWithModel({ seed: 1_000 * SEED + run, commands: 1_000, open: openPair })
      await client.flushAll()
    }
  })
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
