import { randomBytes } from 'node:crypto'
import { afterAll } from 'vitest'
import { RedisServer } from '../../../coatcheck/test/helpers/redis-server.ts'
import { twoNodesCases } from './two-nodes-cases.ts'

const servers: RedisServer[] = []

afterAll(async () => {
  for (const server of servers) await server.stop()
})

twoNodesCases('Redis', async () => {
  const server = await RedisServer.start(['--save', '', '--appendonly', 'yes'])
  servers.push(server)
  return { store: server.url, keys: `0:${randomBytes(32).toString('base64url')}` }
})
