import { createClient } from 'redis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { redis } from '../../src/stores/redis.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { RedisServer } from '../helpers/redis-server.ts'
import { MovingShop, moveShop } from './moving-shop.ts'

let server: RedisServer
let client: Awaited<ReturnType<typeof connect>>
const shop = new MovingShop()

beforeAll(async () => {
  server = await RedisServer.start(['--save', '', '--appendonly', 'yes'])
  client = await connect()
})

afterAll(async () => {
  await shop.close()
  client.destroy()
  await server.stop()
})

it('P3 P1 a shop that moves from SQLite to Redis signs nobody out and nobody back in', async () => {
  await moveShop(
    shop,
    () => sqlite(shop.path),
    () => redis(client),
  )
  expect(await client.dbSize()).toBeGreaterThan(0)
})

function connect() {
  return createClient({ url: server.url }).connect()
}
