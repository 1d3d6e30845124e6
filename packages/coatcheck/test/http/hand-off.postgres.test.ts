import { afterAll, beforeAll } from 'vitest'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { describeHandOff } from './hand-off-on-stores.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.dispose())

describeHandOff('pg', () => server.url())
