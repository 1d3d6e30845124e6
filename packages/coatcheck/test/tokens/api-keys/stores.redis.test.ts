import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { FakeEnvironment } from '../../../src/testing/fake-environment.ts'
import { RedisServer } from '../../helpers/redis-server.ts'
import { freshPrefix, redisOnTestClock } from '../../stores/redis-harness.ts'
import { type KeyFleet, keyCases } from './key-cases.ts'
import { createKeyNode } from './key-nodes.ts'

type Client = Awaited<ReturnType<typeof connect>>

let server: RedisServer
const clients: Client[] = []
const cleanup: (() => unknown)[] = []

beforeAll(async () => {
  server = await RedisServer.start()
  clients.push(await connect(), await connect())
})

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

afterAll(async () => {
  for (const client of clients) client.destroy()
  await server.stop()
})

describe.each([true, false])('API keys in Redis, near cache: %s', (nearCache) => {
  keyCases(async (): Promise<KeyFleet> => {
    const environment = new FakeEnvironment()
    const prefix = freshPrefix()
    const [here, there] = clients.map((client) => {
      const store = redisOnTestClock(client, prefix)
      const { apiKeys } = createKeyNode({ environment, store, nearCache, touchInterval: 100 })
      cleanup.push(() => apiKeys.close())
      return apiKeys
    })
    if (!here || !there) throw new Error('two nodes')
    return { here, there, pass: (milliseconds) => environment.advanceAndSettle(milliseconds), dump }
  })
})

/** Every key of the server with its value, as Redis would replicate it. */
async function dump(): Promise<string> {
  const [client] = clients
  if (!client) throw new Error('no client')
  const texts: string[] = []
  for (const key of await client.keys('*')) {
    const type = await client.type(key)
    if (type === 'hash') texts.push(key, JSON.stringify(await client.hGetAll(key)))
    else if (type === 'zset') texts.push(key, ...(await client.zRange(key, 0, -1)))
    else if (type === 'set') texts.push(key, ...(await client.sMembers(key)))
    else if (type === 'string') texts.push(key, (await client.get(key)) ?? '')
    else throw new Error(`${key} is a ${type}`)
  }
  return texts.join('\n')
}

async function connect() {
  const client = createClient({ url: server.url })
  client.on('error', () => {})
  await client.connect()
  return client
}
