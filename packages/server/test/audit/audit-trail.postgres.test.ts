import { afterAll, beforeAll } from 'vitest'
import { PostgresServer } from '../../../coatcheck/test/helpers/postgres-server.ts'
import { createPool, openPostgresDatabase } from '../../src/storage/postgres-database.ts'
import { auditTrailCases } from './audit-trail-cases.ts'

let server: PostgresServer
let databases = 0

beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.dispose())

auditTrailCases('PostgreSQL', async () => {
  const name = `audit_${databases++}`
  const pool = createPool(server.url(), () => {})
  await pool.query(`CREATE DATABASE ${name}`)
  await pool.end()
  return openPostgresDatabase(createPool(server.url(name), () => {}))
})
