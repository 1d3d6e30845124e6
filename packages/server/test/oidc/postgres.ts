import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import { PostgresServer } from '../../../coatcheck/test/helpers/postgres-server.ts'
import type { Written } from '../helpers/test-server.ts'

/** Settings for servers on a PostgreSQL of the tests' own, each time with a database of its own. */
export function postgresDatabases() {
  let server: PostgresServer | null = null
  let count = 0
  return {
    async start() {
      server = await PostgresServer.start()
    },
    async stop() {
      await server?.dispose()
    },
    async fresh(): Promise<Written> {
      if (!server) throw new Error('PostgreSQL has not been started.')
      count += 1
      const name = `sso_${count}`
      const pool = new Pool({ connectionString: server.url() })
      await pool.query(`CREATE DATABASE ${name}`)
      await pool.end()
      return { store: server.url(name), keys: `0:${randomBytes(32).toString('base64url')}` }
    },
  }
}
