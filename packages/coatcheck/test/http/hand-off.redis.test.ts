import { afterAll, beforeAll } from 'vitest'
import { RedisServer } from '../helpers/redis-server.ts'
import { describeHandOff } from './hand-off-on-stores.ts'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start(['--appendonly', 'yes'])
})
afterAll(() => server.stop())

describeHandOff('redis', () => server.url)
