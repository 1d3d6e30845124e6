import { Buffer } from 'node:buffer'
import { afterAll, beforeAll } from 'vitest'
import { PostgresServer } from '../../../coatcheck/test/helpers/postgres-server.ts'
import type { Authority } from '../../src/authority.ts'
import { createPool } from '../../src/storage/postgres-database.ts'
import { testAuthority } from '../helpers/test-server.ts'
import { accountCases, type OpenFleet } from './account-cases.ts'
import { administratorCases } from './administrator-cases.ts'
import { secondFactorCases } from './second-factor-cases.ts'

const KEYS = `0:${Buffer.from('abcdefghijklmnopqrstuvwxyz012345').toString('base64url')}`

let server: PostgresServer
let databases = 0

beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.dispose())

const openFleet: OpenFleet = async (processes, environment) => {
  const name = `accounts_${databases++}`
  const pool = createPool(server.url(), () => {})
  await pool.query(`CREATE DATABASE ${name}`)
  await pool.end()
  const written = { store: server.url(name), keys: KEYS }
  const fleet: Authority[] = []
  for (let n = 0; n < processes; n++) fleet.push(await testAuthority(written, { environment }))
  return fleet
}

accountCases('PostgreSQL', openFleet)
administratorCases('PostgreSQL', openFleet)
secondFactorCases('PostgreSQL', openFleet)
