import { afterAll, beforeAll } from 'vitest'
import { RedisServer } from '../helpers/redis-server.ts'
import { describeRelyingParty } from './on-stores.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start(['--appendonly', 'yes'])
})
afterAll(() => server.stop())

describeRelyingParty('redis', () => server.url)
