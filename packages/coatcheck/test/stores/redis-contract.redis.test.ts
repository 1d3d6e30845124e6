import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RedisServer } from '../helpers/redis-server.ts'
import { redisHarness } from './redis-harness.ts'

let server: RedisServer

beforeAll(async () => {
  server = await RedisServer.start()
})

afterAll(() => server.stop())

describe.each([
  { name: 'redis', connect: nodeRedis },
  { name: 'ioredis', connect: ioredis },
])('the redis store keeps the contract through $name', ({ connect }) => {
  const clients: unknown[] = []
  let disconnect = () => {}

  beforeAll(async () => {
    const connected = [await connect(), await connect(), await connect()]
    clients.push(...connected.map(({ client }) => client))
    disconnect = () => {
      for (const { end } of connected) end()
    }
  })

  afterAll(() => disconnect())

  for (const storeCase of storeContractCases) {
    it(storeCase.name, async () => {
      const result = await runStoreCase(storeCase, () => redisHarness(clients))
      expect(result.status).not.toBe('skipped')
      if (result.status === 'failed') throw result.error
    })
  }
})

async function nodeRedis() {
  const client = createClient({ url: server.url })
  client.on('error', () => {})
  await client.connect()
  return { client, end: () => client.destroy() }
}

async function ioredis() {
  const client = new Redis(server.port, '127.0.0.1')
  await client.ping()
  return { client, end: () => client.disconnect() }
}
