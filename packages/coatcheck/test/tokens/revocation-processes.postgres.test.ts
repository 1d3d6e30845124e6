import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { Fleet, logoutEndsAll } from './revocation-fleet.ts'

let server: PostgresServer
let fleet: Fleet

beforeAll(async () => {
  server = await PostgresServer.start()
  fleet = await Fleet.start('postgres', server.url())
})

afterAll(async () => {
  await fleet.stop()
  await server.dispose()
})

describe('P9 P7 one logout, on two processes over PostgreSQL', () => {
  it.each(['cookie', 'bearer'] as const)(
    'ends the session of a %s with all that hangs on it, and leaves its sibling alone',
    async (transport) => {
      for (let i = 0; i < 3; i++) expect(await logoutEndsAll(fleet, transport)).toBeGreaterThanOrEqual(0)
    },
  )
})
