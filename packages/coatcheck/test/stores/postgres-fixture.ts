import type pg from 'pg'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { PostgresServer, type PostgresServerOptions } from '../helpers/postgres-server.ts'
import { PostgresFixture } from './postgres-harness.ts'

/** A server for the calling file and, for each test, empty tables that three nodes reach through `pg`. */
export function setUpPostgres(options: PostgresServerOptions = {}): {
  readonly server: PostgresServer
  readonly fixture: PostgresFixture
  readonly admin: pg.Pool
} {
  let server: PostgresServer
  let fixture: PostgresFixture
  beforeAll(async () => {
    server = await PostgresServer.start(options)
    fixture = await PostgresFixture.open(server, 'pg')
  })
  beforeEach(() => fixture.reset())
  afterAll(async () => {
    await fixture.close()
    await server.dispose()
  })
  return {
    get server() {
      return server
    },
    get fixture() {
      return fixture
    },
    get admin() {
      return fixture.admin
    },
  }
}
