import { afterAll, beforeAll, describe, onTestFinished } from 'vitest'
import { PostgresServer } from '../../../coatcheck/test/helpers/postgres-server.ts'
import { createPool, openPostgresDatabase } from '../../src/storage/postgres-database.ts'
import { artifactCases } from './artifacts.cases.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.dispose())

describe('artefacts in PostgreSQL', () => {
  artifactCases(async () => {
    const database = openPostgresDatabase(createPool(server.url(), () => {}))
    onTestFinished(async () => {
      await database.run('DROP SCHEMA public CASCADE')
      await database.run('CREATE SCHEMA public')
      await database.close()
    })
    return database
  })
})
