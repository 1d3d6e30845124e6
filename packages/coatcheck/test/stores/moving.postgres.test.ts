import { Pool } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { postgres } from '../../src/stores/postgres.ts'
import { sqlite } from '../../src/stores/sqlite.ts'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { MovingShop, moveShop } from './moving-shop.ts'

let server: PostgresServer
let pool: Pool
const shop = new MovingShop()

beforeAll(async () => {
  server = await PostgresServer.start()
  pool = new Pool({ connectionString: server.url(), max: 4 })
  // A connection that is still closing hears that the server stops.
  pool.on('error', () => {})
})

afterAll(async () => {
  await shop.close()
  await pool.end()
  await server.stop()
})

it('P3 P1 a shop that moves from SQLite to PostgreSQL signs nobody out and nobody back in', async () => {
  await moveShop(
    shop,
    () => sqlite(shop.path),
    () => postgres(pool),
  )
  const { rows } = await pool.query(
    'select count(*)::int as live from coatcheck.sessions where ended_at is null',
  )
  expect(rows).toEqual([{ live: 3 }])
})
