import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { PostgresServer } from '../../../coatcheck/test/helpers/postgres-server.ts'
import { testAuthority } from '../helpers/test-server.ts'
import { adminApiCases } from './admin-cases.ts'

let server: PostgresServer
let databases = 0

beforeAll(async () => {
  server = await PostgresServer.start()
})

afterAll(() => server.dispose())

adminApiCases('PostgreSQL', async () => {
  databases += 1
  const pool = new Pool({ connectionString: server.url() })
  await pool.query(`CREATE DATABASE admin_${databases}`)
  await pool.end()
  const keys = `0:${randomBytes(32).toString('base64url')}`
  return testAuthority({ store: server.url(`admin_${databases}`), keys })
})
