import { runStoreCase, storeContractCases } from 'coatcheck/store-testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PostgresServer } from '../helpers/postgres-server.ts'
import { PostgresFixture } from './postgres-harness.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await PostgresServer.start()
})

afterAll(() => server.dispose())

describe.each(['pg', 'postgres'] as const)(
  'the postgres store through the driver %s keeps the contract',
  (driver) => {
    let fixture: PostgresFixture

    beforeAll(async () => {
      fixture = await PostgresFixture.open(server, driver)
    })

    afterAll(() => fixture.close())

    for (const storeCase of storeContractCases) {
      it(storeCase.name, async () => {
        const result = await runStoreCase(storeCase, () => fixture.harness())
        expect(result.status).not.toBe('skipped')
        if (result.status === 'failed') throw result.error
      })
    }
  },
)
