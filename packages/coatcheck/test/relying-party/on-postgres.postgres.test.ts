import { afterAll, beforeAll } from 'vitest'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { describeRelyingParty } from './on-stores.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.dispose())

describeRelyingParty('pg', () => server.url())
